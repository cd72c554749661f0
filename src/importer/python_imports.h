#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace shardrun::importer {

/// One import statement: "import a.b" is {0, "a.b", {}}, "from ..a import b, c" {2, "a", {b, c}},
/// "from . import *" {1, "", {}}.
struct PythonImport {
    unsigned level = 0;  ///< leading dots
    std::string module{};
    std::vector<std::string> names{};

    bool operator==(const PythonImport&) const = default;
};

inline constexpr std::size_t kPythonImportsMax = 2048;  ///< of one file
inline constexpr std::size_t kPythonNamesMax = 512;     ///< of one statement

/// Every import statement of a Python source, those within functions and conditions as well. Knows
/// strings, comments, brackets and continued lines, and no more of the grammar. Pure, bounded.
/// Source: The Python Language Reference, sections 2 and 7.11.
std::vector<PythonImport> find_python_imports(std::string_view source);

}  // namespace shardrun::importer
