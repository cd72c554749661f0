#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

#include "shard/spec.h"
#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::shard {

/// Whose root it is.
struct TreeUser {
    SliceId slice{};
    ShardId shard{};

    auto operator<=>(const TreeUser&) const = default;
};

/// What a shard with an image begins with; both the receiver's own.
struct TreeRoot {
    /// Attached nowhere: the image's tree, with directories dev, proc, sys, tmp, run and blobs at
    /// its top.
    sys::UniqueFd mount;
    /// To be kept open until no program of the shard runs any more, also when we die: what must not
    /// be seen of the tree is hidden for as long. May be empty.
    sys::UniqueFd hold;
};

/// Hears what became of what was asked of a TreeSource; maybe from inside the asking call.
class TreeListener {
 public:
    TreeListener() = default;
    TreeListener(const TreeListener&) = delete;
    TreeListener& operator=(const TreeListener&) = delete;
    virtual ~TreeListener() = default;

    /// The answer to prefetch, load_blob or open_blob, of which the last has a descriptor unless it
    /// failed.
    virtual void on_tree_blob(std::uint64_t request, BlobReport report, sys::UniqueFd blob) = 0;
    /// What was opened first, or failed, in the trees of which slice; shard 0: not one shard's
    /// alone.
    virtual void on_tree_used(const TreeUser& user, const BlobReport& report) = 0;
};

/// Where the roots of shards with an image come from, and blobs. Called on the backend's thread,
/// which is also where it calls back.
class TreeSource {
 public:
    TreeSource() = default;
    TreeSource(const TreeSource&) = delete;
    TreeSource& operator=(const TreeSource&) = delete;
    virtual ~TreeSource() = default;

    /// Null: nobody is told anything from now on.
    virtual void set_listener(TreeListener* listener) = 0;

    /// `on_tree` is called once, maybe from inside the call, unless the shard is released before.
    /// Errors: ENOENT for an image that is not there.
    using OnTree = std::function<void(Result<TreeRoot> root)>;
    virtual void open_tree(const std::string& image, const TreeUser& user, OnTree on_tree) = 0;
    /// Nothing of the shard, or of the slice with all of its shards, is left; also without an
    /// open_tree before.
    virtual void release_shard(const TreeUser& user) = 0;
    virtual void release_slice(SliceId slice) = 0;

    /// Has a file of the user's tree there before it is opened. `path` begins with '/'.
    virtual void prefetch(const TreeUser& user, std::uint64_t request, const std::string& path) = 0;
    /// Makes a blob, by its name or digest, visible as `name` in `folder` once it is verified.
    virtual void load_blob(std::uint64_t request, const std::string& name,
                           sys::UniqueFd folder) = 0;
    /// The blob in memory that nobody can change.
    virtual void open_blob(std::uint64_t request, const std::string& name) = 0;
};

}  // namespace shardrun::shard
