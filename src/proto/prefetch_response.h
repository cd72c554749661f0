#pragma once

#include "proto/body.h"
#include "shardrun/messages.h"

namespace shardrun::proto {

DecodedBody<PrefetchResponse> decode_prefetch_response(std::span<const std::byte> body);
Result<void> encode_prefetch_response(ByteWriter& out, const PrefetchResponse& message);

}  // namespace shardrun::proto
