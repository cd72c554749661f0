#pragma once

#include "proto/body.h"
#include "shardrun/messages.h"

namespace shardrun::proto {

DecodedBody<ShardAssignment> decode_shard_assignment(std::span<const std::byte> body);
Result<void> encode_shard_assignment(ByteWriter& out, const ShardAssignment& message);

}  // namespace shardrun::proto
