#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "importer/content_facts.h"
#include "importer/tree.h"

namespace shardrun::importer {

/// Finds shared libraries within an image as its dynamic linker would. Source: ld.so(8).
class LibrarySearch {
 public:
    /// Both must outlive it.
    LibrarySearch(const Tree& tree, const std::vector<ContentFacts>& facts);

    /// The library that a program or library at `path` gets for `name`; nullptr: none.
    const Node* find(const ElfFacts& user, std::string_view path, const std::string& name);

 private:
    const Node* find_in(const ElfFacts& user, std::string_view folder,
                        const std::string& name) const;
    const Node* find_in_list(const ElfFacts& user, std::string_view path, std::string_view list,
                             const std::string& name) const;
    const Node* find_in_defaults(const ElfFacts& user, const std::string& name);
    void add_configured(const std::string& path, int depth);
    void add_included(const std::string& pattern, int depth);

    const Tree& tree_;
    const std::vector<ContentFacts>& facts_;
    std::vector<std::string> defaults_;
    std::map<std::tuple<bool, std::uint16_t, std::string>, const Node*> known_;
};

}  // namespace shardrun::importer
