#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "shard/backend_events.h"
#include "shard/spec.h"
#include "shard/tree_source.h"
#include "shardrun/error.h"
#include "sys/event_loop.h"
#include "sys/fd_table.h"

namespace shardrun::shard {

/// What the backend needs to know of the host and the configuration.
struct BackendOptions {
    std::string cgroup_root;   ///< below the cgroup2 mount; empty: found by itself
    bool best_effort = false;  ///< go on without controllers the host lacks
    /// One shard with one program is all that will be asked for: whoever is done may go.
    bool is_single = false;
    TreeSource* trees = nullptr;  ///< outlives the backend; none: every image is refused
    std::vector<std::string> read_only_paths{"/usr"};  ///< host directories seen read-only inside
    std::map<std::string, std::string>
        seccomp_profiles;  ///< name → path of an OCI-format JSON file
};

/// The ShardBackend over the real kernel. One per supervisor; runs on its EventLoop's thread. Needs
/// root.
class LinuxBackend : public ShardBackend {
 public:
    /// Errors: EPERM without root; for whoever has work to do before `create`.
    static Result<void> check_rights();

    /// Finds the cgroup root, reclaims what a dead predecessor left there, starts the zygote.
    /// `loop`, `fds` and `listener` must outlive it. Errors: EPERM without root, ENOENT without
    /// cgroup v2, EOPNOTSUPP with the sentence that mends it when controllers are missing and
    /// best_effort is off.
    static Result<std::unique_ptr<LinuxBackend>> create(const BackendOptions& options,
                                                        sys::EventLoop& loop, sys::FdTable& fds,
                                                        BackendListener& listener);

    /// Controller bits the host cannot enforce.
    virtual std::uint32_t unenforced() const = 0;
    /// Takes new seccomp profile paths into use for shards prepared from now on.
    virtual void set_seccomp_profiles(const std::map<std::string, std::string>& profiles) = 0;
};

}  // namespace shardrun::shard
