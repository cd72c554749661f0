#pragma once

#include "shard/zygote/steps.h"

namespace shardrun::shard::zygote {

/// A shard's network takes the kernel as long as all of its mounts: a helper of the zygote makes
/// the namespace and brings up its loopback, on another processor if one is idle, while init is
/// born and mounts. Gives the socket that enter_network() takes; negative: errno.
long begin_network(const std::uint64_t (&processors)[kProcessorWords]);

/// Init's: waits for the helper, enters, closes `socket`. After /proc is mounted and before it is
/// made read-only.
bool enter_network(int socket, Failure& failure);

}  // namespace shardrun::shard::zygote
