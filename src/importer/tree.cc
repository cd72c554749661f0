#include "importer/tree.h"

#include "base/fail.h"
#include "image/path.h"

namespace shardrun::importer {
namespace {

using image::EntryType;

constexpr std::uint16_t kImplicitMode = 0755;
constexpr int kLinksMax = 40;  // As the kernel has it: path_resolution(7).

/// The first name of the path, which loses it.
std::string_view take_name(std::string_view& path) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    return name;
}

Inode implicit_directory() {
    Inode inode;
    inode.attributes.type = EntryType::directory;
    inode.attributes.mode = kImplicitMode;
    return inode;
}

}  // namespace

Tree::Tree() {
    inodes_.push_back(implicit_directory());
}

Result<Node*> Tree::make_parent(std::string_view path) {
    Node* node = &root_;
    std::string_view rest = image::parent_path(path);
    while (!rest.empty()) {
        const std::string_view name = take_name(rest);
        auto child = node->children.find(name);
        if (child == node->children.end()) {
            inodes_.push_back(implicit_directory());
            const auto inode = static_cast<std::uint32_t>(inodes_.size() - 1);
            child = node->children.emplace(name, Node{.inode = inode, .layer = layer_}).first;
        }
        node = &child->second;
        if (is_type(*node, EntryType::symlink))
            return refuse(ELOOP, "goes through '{}', which is a symbolic link", name);
        if (!is_type(*node, EntryType::directory))
            return refuse(ENOTDIR, "is below '{}', which is no directory", name);
    }
    return node;
}

/// The node of the path, which may be new and then has no meaning yet.
Result<Node*> Tree::make_place(std::string_view path) {
    if (path.empty()) return &root_;
    SR_TRY(Node* const parent, make_parent(path));
    return &parent->children.try_emplace(std::string(image::last_name(path))).first->second;
}

Result<void> Tree::add(std::string_view path, const Inode& inode) {
    const bool is_directory = inode.attributes.type == EntryType::directory;
    if (path.empty() && !is_directory) return refuse(ENOTDIR, "is the root and no directory");
    SR_TRY(Node* const node, make_place(path));
    if (!is_directory) node->children.clear();
    node->layer = layer_;
    node->inode = static_cast<std::uint32_t>(inodes_.size());
    inodes_.push_back(inode);
    return {};
}

Result<void> Tree::add_hard_link(std::string_view path, std::string_view target) {
    const Node* const linked = find(target);
    if (linked == nullptr || path.empty())
        return refuse(ENOENT, "is a hard link to '{}', which is not there", target);
    if (is_type(*linked, EntryType::directory))
        return refuse(EISDIR, "is a hard link to '{}', which is a directory", target);
    const std::uint32_t inode = linked->inode;
    SR_TRY(Node* const node, make_place(path));
    node->children.clear();
    node->layer = layer_;
    node->inode = inode;
    return {};
}

void Tree::prune_children(Node& node) const {
    for (auto child = node.children.begin(); child != node.children.end();)
        child = prune(child->second) ? node.children.erase(child) : std::next(child);
}

bool Tree::prune(Node& node) const {
    prune_children(node);
    return node.layer != layer_ && node.children.empty();
}

Result<void> Tree::hide(std::string_view path) {
    if (path.empty()) return refuse(EINVAL, "hides the root");
    if (find(path) == nullptr) return {};
    SR_TRY(Node* const parent, make_parent(path));
    const auto child = parent->children.find(image::last_name(path));
    if (prune(child->second)) parent->children.erase(child);
    return {};
}

Result<void> Tree::hide_below(std::string_view path) {
    const Node* const found = find(path);
    if (found == nullptr) return {};
    Node* node = &root_;
    if (!path.empty()) {
        SR_TRY(Node* const parent, make_parent(path));
        node = &parent->children.find(image::last_name(path))->second;
    }
    prune_children(*node);
    return {};
}

void Tree::visit(
    const std::function<void(const std::string& path, const Node& node)>& visitor) const {
    const std::function<void(std::string&, const Node&)> descend = [&](std::string& path,
                                                                       const Node& node) {
        visitor(path, node);
        const std::size_t size = path.size();
        for (const auto& [name, child] : node.children) {
            if (size != 0) path += '/';
            path += name;
            descend(path, child);
            path.resize(size);
        }
    };
    std::string path;
    descend(path, root_);
}

const Node* Tree::find(std::string_view path) const {
    const Node* node = &root_;
    while (!path.empty()) {
        const auto child = node->children.find(take_name(path));
        if (child == node->children.end()) return nullptr;
        node = &child->second;
    }
    return node;
}

const Node* Tree::resolve(std::string_view path, std::string_view folder) const {
    std::vector<const Node*> way{&root_};
    const bool is_absolute = path.starts_with('/');
    std::string todo = is_absolute ? std::string(path) : std::string(folder).append("/") += path;
    std::string_view rest = todo;
    int links = 0;
    while (!rest.empty()) {
        const std::string_view name = take_name(rest);
        if (name.empty() || name == ".") continue;
        if (name == "..") {
            if (way.size() > 1) way.pop_back();
            continue;
        }
        const auto child = way.back()->children.find(name);
        if (child == way.back()->children.end()) return nullptr;
        if (!is_type(child->second, EntryType::symlink)) {
            way.push_back(&child->second);
            continue;
        }
        const std::string& target = inode_of(child->second).attributes.target;
        if (++links > kLinksMax || target.size() + rest.size() > 2 * image::kPathSizeMax)
            return nullptr;
        if (target.starts_with('/')) way.resize(1);
        std::string next = target + "/";
        next += rest;
        todo = std::move(next);
        rest = todo;
    }
    return way.back();
}

Result<std::string> canonical_path(std::string_view path) {
    if (path.starts_with('/')) return refuse(EINVAL, "is absolute");
    std::string canonical;
    while (!path.empty()) {
        const std::string_view name = take_name(path);
        if (name.empty() || name == ".") continue;
        if (name == "..") return refuse(EINVAL, "has '..' as a part");
        if (!canonical.empty()) canonical += '/';
        canonical += name;
    }
    SR_DO(image::check_path(canonical));
    return canonical;
}

}  // namespace shardrun::importer
