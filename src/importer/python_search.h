#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "importer/python_imports.h"
#include "importer/tree.h"

namespace shardrun::importer {

/// Finds Python modules within an image. Source: The Python Language Reference, section 5; site(3).
class PythonSearch {
 public:
    using Found = std::function<void(const Node& module)>;

    /// `tree` must outlive it.
    explicit PythonSearch(const Tree& tree);

    /// Calls `found` with every file that the import statement of the source at `path` loads: the
    /// module, and the "__init__.py" of each package on the way.
    void find(std::string_view path, const PythonImport& import, const Found& found) const;

    /// The byte code of a source, in "__pycache__" beside it.
    void find_caches(std::string_view path, const Found& found) const;

 private:
    struct Installation {
        std::string version;  ///< "python3.11"
        std::string path;     ///< "usr/lib/python3.11"
        const Node* folder;
    };
    void find_from(const std::vector<const Node*>& folders, std::string_view module,
                   const std::vector<std::string>& names, const Found& found) const;
    std::vector<const Node*> search_path(std::string_view path) const;
    const Node* module_in(const Node& folder, std::string_view name) const;
    bool is_package(const Node& folder) const;

    const Tree& tree_;
    std::vector<Installation> installations_;
};

}  // namespace shardrun::importer
