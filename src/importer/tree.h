#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "image/manifest.h"

namespace shardrun::importer {

/// What a path leads to; several paths may lead to one. `path` of the entry is unused.
struct Inode {
    image::Entry attributes{};
    std::uint32_t content = 0;  ///< files: the number that Output gave
};

struct Node {
    std::uint32_t inode = 0;
    std::uint32_t layer = 0;  ///< the one that said so last
    std::map<std::string, Node, std::less<>> children{};
};

/// The image while it is built up, layer upon layer. A path is always a canonical one
/// (image::check_path); the messages of errors are what stands behind the path.
class Tree {
 public:
    Tree();

    /// What comes from now on lies above all that came before.
    void begin_layer() { ++layer_; }

    /// A directory keeps what is in it; everything else replaces what was there. Parents that
    /// nobody named are made. Errors: ENOTDIR, ELOOP when a parent is a symbolic link: nothing is
    /// ever written through one.
    Result<void> add(std::string_view path, const Inode& inode);
    /// Errors: ENOENT, EISDIR for the target as well.
    Result<void> add_hard_link(std::string_view path, std::string_view target);

    /// Hides what lower layers have at the path, or below it. What is not there is no error.
    Result<void> hide(std::string_view path);
    Result<void> hide_below(std::string_view path);

    const Node& root() const { return root_; }
    const Inode& inode_of(const Node& node) const { return inodes_[node.inode]; }
    Inode& inode_of(const Node& node) { return inodes_[node.inode]; }
    std::size_t inode_count() const { return inodes_.size(); }
    bool is_type(const Node& node, image::EntryType type) const {
        return inode_of(node).attributes.type == type;
    }

    /// In the order of a manifest.
    void visit(const std::function<void(const std::string& path, const Node& node)>& visitor) const;

    /// Without following anything; nullptr when it is not there.
    const Node* find(std::string_view path) const;
    /// As a program in the image would find an absolute path, or one relative to `folder`: through
    /// symbolic links, which stay within the image.
    const Node* resolve(std::string_view path, std::string_view folder = {}) const;

 private:
    Result<Node*> make_parent(std::string_view path);
    Result<Node*> make_place(std::string_view path);
    /// Removes what is of lower layers; true when nothing of this one is left either.
    bool prune(Node& node) const;
    void prune_children(Node& node) const;

    std::vector<Inode> inodes_;
    Node root_;
    std::uint32_t layer_ = 0;
};

/// The path as images have it: without "./" before, '/' behind, and doubled slashes. Errors: EINVAL
/// for an absolute path and for "..", with the reason.
Result<std::string> canonical_path(std::string_view path);

}  // namespace shardrun::importer
