#pragma once

#include <linux/filter.h>

#include "shard/zygote/steps.h"

namespace shardrun::shard::zygote {

struct Filter {
    const sock_filter* program = nullptr;
    std::uint32_t count = 0;
};

/// What a new shard's init was born with.
struct Launch {
    const LaunchOrder& order;
    int control;        ///< its socket to the supervisor
    int launch_socket;  ///< the first runner's
    int cgroup;         ///< closed at once
    int tree;           ///< a detached mount, to be the root; negative: the skeleton stays it
    int hold;           ///< kept open until no program runs any more; negative: nothing
    int network;        ///< for enter_network(); negative: the host's network, as granted
    Filter filter;
    PlanWalk plan;
};

/// Pid 1 of a shard: sets it up, parks the first runner, then reaps, forwards signals and parks
/// further runners until the supervisor closes the control socket; then the shard ends with it.
[[noreturn]] void run_init(const Launch& launch);

}  // namespace shardrun::shard::zygote
