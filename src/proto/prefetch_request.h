#pragma once

#include "proto/body.h"
#include "shardrun/messages.h"

namespace shardrun::proto {

DecodedBody<PrefetchRequest> decode_prefetch_request(std::span<const std::byte> body);
Result<void> encode_prefetch_request(ByteWriter& out, const PrefetchRequest& message);

}  // namespace shardrun::proto
