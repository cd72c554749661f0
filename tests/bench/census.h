#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "bench/supervisor_process.h"

namespace shardrun::bench {

/// What a supervisor and its zygote hold, and what exists because of its shards.
struct Census {
    std::uint64_t descriptors = 0;
    std::uint64_t resident_kib = 0;     ///< of the supervisor and of its zygote
    std::uint64_t cgroups = 0;          ///< below the supervisor's
    std::uint64_t mounts = 0;           ///< that the supervisor and the zygote see
    std::uint64_t namespaces = 0;       ///< that any process of this machine is in
    std::uint64_t processes = 0;        ///< children of the zygote
    std::uint64_t kernel_networks = 0;  ///< network namespaces that the kernel keeps; 0: untold

    static Census take(const SupervisorProcess& supervisor);
    /// Waits a while for what the kernel takes apart later, until nothing exceeds `before`.
    static Census settled(const SupervisorProcess& supervisor, const Census& before);

    /// True when cgroups, mounts, namespaces, processes and descriptors are no more than then.
    bool has_nothing_beyond(const Census& before) const;
    std::string text() const;
};

/// How often a process gave up the processor to wait.
std::uint64_t count_waits(pid_t pid);
/// Its resident memory.
std::uint64_t resident_kib(pid_t pid);

}  // namespace shardrun::bench
