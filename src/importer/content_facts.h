#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "importer/elf_facts.h"
#include "importer/python_imports.h"
#include "shardrun/messages.h"

namespace shardrun::importer {

/// What was learned of a file while its bytes went by.
struct ContentFacts {
    BlobKind kind = BlobKind::data;
    std::optional<ElfFacts> elf{};
    std::vector<std::string> shebang{};
    std::vector<PythonImport> imports{};
    std::vector<std::string> named_paths{};
    std::vector<std::string> library_folders{};  ///< of ld.so.conf and what it includes

    bool is_empty() const {
        return !elf && shebang.empty() && imports.empty() && named_paths.empty() &&
               library_folders.empty();
    }
    std::size_t size_bytes() const;  ///< about what it takes in memory
};

/// Watches one file go by, keeps what may be told from it, and tells at its end. Bounded, whatever
/// the file is.
class ContentProbe {
 public:
    /// `path` within the image; `is_executable`: it has an x bit.
    void begin(std::string_view path, bool is_executable);
    void take(std::span<const std::byte> bytes);
    ContentFacts finish();

 private:
    std::size_t head_max() const;
    void keep_piece(std::span<const std::byte> bytes);
    std::string_view text() const;
    BlobKind kind_of(const ContentFacts& facts) const;

    std::string path_;
    bool is_executable_ = false;
    std::uint64_t size_bytes_ = 0;
    std::vector<std::byte> head_;
    std::optional<FileRange> wanted_;  // The dynamic section, once the headers were seen.
    std::vector<std::byte> piece_;
};

/// By name alone: a file of settings, of source code.
bool is_configuration_name(std::string_view path);
bool is_code_name(std::string_view path);

}  // namespace shardrun::importer
