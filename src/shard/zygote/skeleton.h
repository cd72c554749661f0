#pragma once

#include "shard/zygote/steps.h"

namespace shardrun::shard::zygote {

/// Paths of the skeleton that masks are cloned from.
inline constexpr const char* kEmptyDirectory = "/sys/empty";
inline constexpr const char* kNullDevice = "/dev/null";

/// Moves this process into a mount namespace that holds nothing but the skeleton: a read-only root
/// with the plan's directories, links, nodes and read-only clones of host directories. The host's
/// mounts are gone from it afterwards, so a shard's namespace, copied from it, costs the same
/// however many mounts the host has.
bool enter_skeleton(PlanWalk plan, Failure& failure);

/// Makes a detached mount the root of this private namespace; what was there is detached.
bool become_root(int tree, Failure& failure);

}  // namespace shardrun::shard::zygote
