#include "importer/python_search.h"

#include <algorithm>
#include <utility>

#include "image/path.h"

namespace shardrun::importer {
namespace {

using image::EntryType;

constexpr std::size_t kInstallationsMax = 64;
constexpr std::string_view kInit = "__init__.py";

const Node* child_of(const Node& folder, std::string_view name) {
    const auto child = folder.children.find(name);
    return child == folder.children.end() ? nullptr : &child->second;
}

/// "python3", "python3.11" below a directory called lib or lib64.
bool is_installation(std::string_view path) {
    const std::string_view name = image::last_name(path);
    if (!name.starts_with("python") || name.size() < 7) return false;
    const std::string_view version = name.substr(6);
    const bool is_version =
        std::ranges::all_of(version, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
    const std::string_view above = image::last_name(image::parent_path(path));
    return is_version && (above == "lib" || above == "lib64");
}

/// "python3.11" as 3, 11; what Debian installs for all versions, "python3", comes last.
std::pair<unsigned, unsigned> rank_of(std::string_view version) {
    version.remove_prefix(6);
    const std::size_t dot = version.find('.');
    if (dot == std::string_view::npos) return {0, 0};
    const auto number = [](std::string_view digits) {
        unsigned value = 0;
        for (const char digit : digits.substr(0, 4))
            value = value * 10 + static_cast<unsigned>(digit - '0');
        return value;
    };
    // Nothing but digits and dots, see is_installation.
    return {number(version.substr(0, dot)),
            number(version.substr(dot + 1, version.find('.', dot + 1) - dot - 1))};
}

}  // namespace

PythonSearch::PythonSearch(const Tree& tree) : tree_(tree) {
    tree.visit([&](const std::string& path, const Node& node) {
        if (path.empty() || !is_installation(path) || installations_.size() >= kInstallationsMax)
            return;
        if (tree.is_type(node, EntryType::directory))
            installations_.push_back({std::string(image::last_name(path)), path, &node});
    });
    // The newest first: a program that says nothing else runs under it.
    std::ranges::stable_sort(installations_, [](const Installation& a, const Installation& b) {
        return rank_of(a.version) > rank_of(b.version);
    });
}

bool PythonSearch::is_package(const Node& folder) const {
    return tree_.is_type(folder, EntryType::directory) && child_of(folder, kInit) != nullptr;
}

/// The folder of the script or of the outermost package, then what the interpreter has.
std::vector<const Node*> PythonSearch::search_path(std::string_view path) const {
    std::string_view top = image::parent_path(path);
    const Node* node = tree_.find(top);
    while (node != nullptr && !top.empty() && is_package(*node)) {
        top = image::parent_path(top);
        node = tree_.find(top);
    }
    std::vector<const Node*> folders;
    if (node != nullptr) folders.push_back(node);
    // A library belongs to the version whose folder it is in; a program may run under any.
    std::string_view version;
    for (const Installation& installation : installations_)
        if (image::is_within(path, installation.path)) version = installation.version;
    for (const Installation& installation : installations_) {
        // "python3" holds what Debian installs for all versions.
        if (version.size() > 7 && installation.version != version &&
            installation.version != "python3")
            continue;
        folders.push_back(installation.folder);
        for (const char* const name : {"lib-dynload", "site-packages", "dist-packages"})
            if (const Node* const child = child_of(*installation.folder, name))
                folders.push_back(child);
    }
    return folders;
}

/// "name.py", or an extension module: "name.so", "name.abi3.so", "name.cpython-311-….so".
const Node* PythonSearch::module_in(const Node& folder, std::string_view name) const {
    const std::string stem = std::string(name) + ".";
    if (const Node* const source = child_of(folder, stem + "py")) return source;
    for (auto child = folder.children.lower_bound(stem);
         child != folder.children.end() && child->first.starts_with(stem); ++child)
        if (child->first.ends_with(".so")) return &child->second;
    return nullptr;
}

void PythonSearch::find_from(const std::vector<const Node*>& folders, std::string_view module,
                             const std::vector<std::string>& names, const Found& found) const {
    for (const Node* folder : folders) {
        const Node* here = folder;
        bool is_found = module.empty();
        std::string_view rest = module;
        while (here != nullptr && !rest.empty()) {
            const std::string_view name = rest.substr(0, rest.find('.'));
            rest.remove_prefix(std::min(rest.size(), name.size() + 1));
            const Node* const package = child_of(*here, name);
            if (package != nullptr && is_package(*package)) {
                found(*child_of(*package, kInit));
                is_found = true;
                here = package;
                continue;
            }
            if (const Node* const file = module_in(*here, name)) {
                found(*file);
                return;  // What follows are names within the module.
            }
            // A package without "__init__.py" may have parts in several folders.
            here = package != nullptr && tree_.is_type(*package, EntryType::directory) ? package
                                                                                       : nullptr;
        }
        if (here == nullptr && !is_found) continue;
        for (const std::string& name : names) {
            if (here == nullptr) break;
            const Node* const package = child_of(*here, name);
            if (package != nullptr && is_package(*package))
                found(*child_of(*package, kInit));
            else if (const Node* const file = module_in(*here, name))
                found(*file);
        }
        if (is_found) return;
    }
}

void PythonSearch::find(std::string_view path, const PythonImport& import,
                        const Found& found) const {
    if (import.level == 0) return find_from(search_path(path), import.module, import.names, found);
    std::string_view folder = image::parent_path(path);
    for (unsigned i = 1; i < import.level; ++i) {
        if (folder.empty()) return;
        folder = image::parent_path(folder);
    }
    const Node* const node = tree_.find(folder);
    if (node == nullptr) return;
    if (const Node* const init = child_of(*node, kInit)) found(*init);
    find_from({node}, import.module, import.names, found);
}

void PythonSearch::find_caches(std::string_view path, const Found& found) const {
    if (!path.ends_with(".py")) return;
    const Node* const folder = tree_.find(image::parent_path(path));
    const Node* const cache = folder == nullptr ? nullptr : child_of(*folder, "__pycache__");
    if (cache == nullptr) return;
    std::string stem(image::last_name(path));
    stem.resize(stem.size() - 2);  // "name."
    for (auto child = cache->children.lower_bound(stem);
         child != cache->children.end() && child->first.starts_with(stem); ++child) {
        // "name.cpython-311.pyc", but not "name.cpython-311.opt-1.pyc".
        const std::string_view rest = std::string_view(child->first).substr(stem.size());
        if (rest.ends_with(".pyc") && std::ranges::count(rest, '.') == 1) found(child->second);
    }
}

}  // namespace shardrun::importer
