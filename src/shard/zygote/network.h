#pragma once

#include "shard/zygote/init.h"
#include "shard/zygote/steps.h"

namespace shardrun::shard::zygote {

/// A shard's network, which takes the kernel as long as all of its mounts: a helper makes the
/// namespace and brings up its loopback on another processor, while init goes on. The helper shares
/// init's memory and descriptors and is gone before anything of the shard's runs. To be called
/// while SIGCHLD's disposition is the default.
bool begin_network(const Launch& launch, Failure& failure);

/// Waits for it and enters; or enters the one that was given, or stays in the host's. After /proc
/// is mounted.
bool enter_network(const Launch& launch, Failure& failure);

}  // namespace shardrun::shard::zygote
