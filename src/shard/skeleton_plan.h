#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "shardrun/error.h"

namespace shardrun::shard {

/// What the host has at a path; links are not followed.
struct HostEntry {
    enum class Kind { absent, directory, file, symlink } kind = Kind::absent;
    std::string target;   ///< of a symlink
    std::string content;  ///< of a file, if it was asked for
};
enum class WantContent : bool { no, yes };
using HostLookup = std::function<HostEntry(const std::string& path, WantContent want)>;

/// The root every shard starts from, as the zygote's plan (zygote/protocol.h): the host directories
/// of `read_only_paths`, the links and directories beside them (/bin, /lib…), /etc with what
/// programs need of it and nothing else, a minimal /dev, mount points, and what of /proc is masked.
/// Pure but for `host`. Errors: ENOENT or EINVAL for a path of the configuration, E2BIG when the
/// plan outgrows its bound.
Result<std::vector<std::byte>> plan_skeleton(const std::vector<std::string>& read_only_paths,
                                             const HostLookup& host);

/// The real host.
HostEntry look_up_host(const std::string& path, WantContent want);

}  // namespace shardrun::shard
