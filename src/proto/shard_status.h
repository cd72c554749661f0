#pragma once

#include "proto/body.h"
#include "shardrun/messages.h"

namespace shardrun::proto {

DecodedBody<ShardStatus> decode_shard_status(std::span<const std::byte> body);
Result<void> encode_shard_status(ByteWriter& out, const ShardStatus& message);

}  // namespace shardrun::proto
