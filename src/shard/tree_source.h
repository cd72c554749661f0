#pragma once

#include <string>

#include "shard/spec.h"
#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::shard {

/// Where the roots of shards with an image come from. Called on the backend's thread.
class TreeSource {
 public:
    TreeSource() = default;
    TreeSource(const TreeSource&) = delete;
    TreeSource& operator=(const TreeSource&) = delete;
    virtual ~TreeSource() = default;

    /// A mount that is attached nowhere, the caller's own: the image's tree, with directories dev,
    /// proc, sys, tmp, run and blobs at its top. Shards of one slice may be given clones of one
    /// tree. Errors: ENOENT for an image that is not there.
    virtual Result<sys::UniqueFd> open_tree(const std::string& image, SliceId slice) = 0;
};

}  // namespace shardrun::shard
