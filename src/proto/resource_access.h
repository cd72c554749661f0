#pragma once

#include "proto/body.h"
#include "shardrun/messages.h"

namespace shardrun::proto {

DecodedBody<ResourceAccess> decode_resource_access(std::span<const std::byte> body);
Result<void> encode_resource_access(ByteWriter& out, const ResourceAccess& message);

}  // namespace shardrun::proto
