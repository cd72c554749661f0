#pragma once

#include "shard/zygote/protocol.h"
#include "shardrun/error.h"

namespace shardrun::shard {

/// A failed step in words: what was tried, on what, why it failed and, where it is known, what
/// mends it.
Error describe_failure(const zygote::Failure& failure);

}  // namespace shardrun::shard
