#pragma once

#include "shard/zygote/init.h"

namespace shardrun::shard::zygote {

/// Everything between birth and the first runner: cgroup namespace, host name, the shard's tmpfs
/// and its views, terminals, processes, masks, loopback, user namespace, Landlock. `tmpfs` becomes
/// the supervisor's own, hidden view of the tmpfs.
bool set_up_shard(const Launch& launch, int& tmpfs, Failure& failure);

/// Leaves init what it needs for later runners: changing to the shard's uid, the granted
/// capabilities, kill.
bool reduce_init_capabilities(const Launch& launch, Failure& failure);

}  // namespace shardrun::shard::zygote
