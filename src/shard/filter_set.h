#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "seccomp/filter_cache.h"
#include "shard/zygote_process.h"
#include "shardrun/error.h"

namespace shardrun::shard {

/// The compiled seccomp filters and the numbers under which the zygote has them. Each pair of
/// profile and granted capabilities is compiled once.
class FilterSet {
 public:
    struct Loaded {
        std::uint32_t id = 0;
        bool allows_launch = false;  ///< may be loaded before the runner is parked
    };

    /// `paths`: profile name → OCI-format JSON file. Files are read anew from now on; running
    /// shards keep theirs.
    void set_profiles(std::map<std::string, std::string> paths);

    /// Compiles and hands to the zygote what it does not have yet. Errors: ENOENT for an unknown
    /// name, EINVAL with the place in the file, E2BIG when more profiles are in use than the zygote
    /// holds.
    Result<Loaded> load(const std::string& profile, std::uint64_t capabilities,
                        const ZygoteProcess& zygote);

    /// After the zygote was started anew: it has none.
    void forget_loaded() { loaded_.clear(); }

 private:
    Result<std::shared_ptr<const seccomp::FilterProgram>> compile_profile(
        const std::string& profile, std::uint64_t capabilities);

    std::map<std::string, std::string> paths_;
    seccomp::FilterCache compiled_;  ///< by content: a reload compiles only what changed
    std::map<std::pair<std::string, std::uint64_t>, Loaded> loaded_;
    std::uint32_t next_id_ = 0;
};

}  // namespace shardrun::shard
