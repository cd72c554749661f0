#pragma once

#include "proto/body.h"
#include "shardrun/messages.h"

namespace shardrun::proto {

DecodedBody<ResourceRequest> decode_resource_request(std::span<const std::byte> body);
Result<void> encode_resource_request(ByteWriter& out, const ResourceRequest& message);

}  // namespace shardrun::proto
