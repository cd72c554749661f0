#pragma once

#include "shard/zygote/steps.h"

namespace shardrun::shard::zygote {

/// A shard's network, which takes the kernel as long as all of its mounts: a helper makes the
/// namespace and brings up its loopback on another processor, while the caller goes on. The helper
/// shares the caller's memory and descriptors, and is gone before anything of the shard's runs. One
/// at a time; to be called while SIGCHLD's disposition is the default or SA_NOCLDWAIT.
bool begin_network(Failure& failure);

/// Waits for the helper: a descriptor of the namespace; negative on failure.
long await_network(Failure& failure);

/// Enters it and closes the descriptor. After /proc is mounted.
bool enter_network(long network, Failure& failure);

}  // namespace shardrun::shard::zygote
