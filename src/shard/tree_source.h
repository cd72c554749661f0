#pragma once

#include <compare>
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

/// Where the roots of shards with an image come from, and blobs. Called on the backend's thread,
/// which is also where it calls back, maybe from inside the call.
class TreeSource {
 public:
    TreeSource() = default;
    TreeSource(const TreeSource&) = delete;
    TreeSource& operator=(const TreeSource&) = delete;
    virtual ~TreeSource() = default;

    /// Errors: ENOENT for an image that is not there.
    virtual Result<TreeRoot> open_tree(const std::string& image, const TreeUser& user) = 0;
    /// Nothing of the shard, or of the slice with all of its shards, is left; also without an
    /// open_tree before.
    virtual void release_shard(const TreeUser& user) = 0;
    virtual void release_slice(SliceId slice) = 0;

    /// What was opened first, or failed, in the trees of which slice; shard 0: not one shard's
    /// alone.
    using OnUsed = std::function<void(const TreeUser& user, const BlobReport& report)>;
    virtual void set_on_used(OnUsed on_used) = 0;

    using Done = std::function<void(BlobReport report)>;
    /// Has a file of the user's tree there before it is opened. `path` begins with '/'.
    virtual void prefetch(const TreeUser& user, const std::string& path, Done done) = 0;
    /// Makes a blob, by its name or digest, visible as `name` in `folder` once it is verified.
    virtual void load_blob(const std::string& name, sys::UniqueFd folder, Done done) = 0;
    using FdDone = std::function<void(BlobReport report, sys::UniqueFd blob)>;
    /// The blob in memory that nobody can change.
    virtual void open_blob(const std::string& name, FdDone done) = 0;
};

}  // namespace shardrun::shard
