#include "importer/library_search.h"

#include <elf.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>

#include "image/path.h"

namespace shardrun::importer {
namespace {

constexpr int kIncludeDepthMax = 4;
constexpr std::size_t kFoldersMax = 256;

/// Debian's name for a machine's libraries.
std::string_view multiarch_of(const ElfFacts& elf) {
    switch (elf.machine) {
        case EM_X86_64:
            return elf.is_64 ? "x86_64-linux-gnu" : "x86_64-linux-gnux32";
        case EM_386:
            return "i386-linux-gnu";
        case EM_AARCH64:
            return "aarch64-linux-gnu";
        case EM_ARM:
            return "arm-linux-gnueabihf";
        case EM_RISCV:
            return "riscv64-linux-gnu";
        default:
            return {};
    }
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
        text.replace(at, what.size(), by);
}

/// $ORIGIN, $LIB and $PLATFORM, with and without braces.
std::string expand(std::string_view folder, std::string_view user_path, const ElfFacts& user) {
    std::string text(folder);
    const std::string origin = "/" + std::string(image::parent_path(user_path));
    const std::string_view platform = user.machine == EM_AARCH64 ? "aarch64" : "x86_64";
    for (const auto& [name, value] :
         {std::pair{"ORIGIN", std::string_view(origin)},
          std::pair{"LIB", std::string_view(user.is_64 ? "lib64" : "lib")},
          std::pair{"PLATFORM", platform}}) {
        replace_all(text, "${" + std::string(name) + "}", value);
        replace_all(text, "$" + std::string(name), value);
    }
    return text;
}

}  // namespace

LibrarySearch::LibrarySearch(const Tree& tree, const std::vector<ContentFacts>& facts)
    : tree_(tree), facts_(facts) {
    add_configured("etc/ld.so.conf", 0);
}

void LibrarySearch::add_configured(const std::string& path, int depth) {
    const Node* const node = tree_.resolve("/" + path);
    if (node == nullptr || !tree_.is_type(*node, image::EntryType::file)) return;
    for (const std::string& line : facts_[tree_.inode_of(*node).content].library_folders) {
        if (defaults_.size() >= kFoldersMax) return;
        if (line.starts_with("include ")) {
            if (depth < kIncludeDepthMax) add_included(line.substr(8), depth + 1);
        } else {
            defaults_.push_back(line);
        }
    }
}

/// "ld.so.conf.d/*.conf", relative to /etc.
void LibrarySearch::add_included(const std::string& pattern, int depth) {
    const std::string whole = pattern.starts_with('/') ? pattern.substr(1) : "etc/" + pattern;
    const std::size_t slash = whole.rfind('/');
    if (slash == std::string::npos) return;
    const std::string folder = whole.substr(0, slash);
    const Node* const node = tree_.resolve("/" + folder);
    if (node == nullptr) return;
    for (const auto& [name, child] : node->children)
        if (::fnmatch(whole.c_str() + slash + 1, name.c_str(), FNM_PERIOD) == 0)
            add_configured(image::join_path(folder, name), depth);
}

const Node* LibrarySearch::find(const ElfFacts& user, std::string_view path,
                                const std::string& name) {
    if (name.find('/') != std::string::npos) {
        const std::string whole = expand(name, path, user);
        const std::size_t slash = whole.rfind('/');
        return find_in(user, whole.substr(0, slash + 1), whole.substr(slash + 1));
    }
    // DT_RPATH counts only where there is no DT_RUNPATH.
    const std::string& list = user.runpath.empty() ? user.rpath : user.runpath;
    if (const Node* const found = find_in_list(user, path, list, name)) return found;
    return find_in_defaults(user, name);
}

const Node* LibrarySearch::find_in_list(const ElfFacts& user, std::string_view path,
                                        std::string_view list, const std::string& name) const {
    for (std::size_t begin = 0; begin < list.size();) {
        const std::size_t end = std::min(list.find(':', begin), list.size());
        const std::string folder = expand(list.substr(begin, end - begin), path, user);
        begin = end + 1;
        // A relative one depends on where a program is started.
        if (!folder.starts_with('/')) continue;
        if (const Node* const found = find_in(user, folder, name)) return found;
    }
    return nullptr;
}

const Node* LibrarySearch::find_in_defaults(const ElfFacts& user, const std::string& name) {
    const auto [known, is_new] = known_.try_emplace({user.is_64, user.machine, name}, nullptr);
    if (!is_new) return known->second;
    std::vector<std::string> folders = defaults_;
    if (const std::string_view arch = multiarch_of(user); !arch.empty())
        for (const std::string_view above : {"/lib/", "/usr/lib/"})
            folders.push_back(std::string(above) + std::string(arch));
    for (const char* const folder : {"/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"})
        folders.emplace_back(folder);
    for (const std::string& folder : folders) {
        known->second = find_in(user, folder, name);
        if (known->second != nullptr) break;
    }
    return known->second;
}

/// A library of another class or machine is passed over, as the linker does.
const Node* LibrarySearch::find_in(const ElfFacts& user, std::string_view folder,
                                   const std::string& name) const {
    const Node* const node = tree_.resolve(std::string(folder) + "/" + name);
    if (node == nullptr || !tree_.is_type(*node, image::EntryType::file)) return nullptr;
    const auto& elf = facts_[tree_.inode_of(*node).content].elf;
    if (!elf || elf->is_64 != user.is_64 || elf->machine != user.machine) return nullptr;
    return node;
}

}  // namespace shardrun::importer
