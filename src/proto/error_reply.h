#pragma once

#include "proto/body.h"
#include "shardrun/messages.h"

namespace shardrun::proto {

DecodedBody<ErrorReply> decode_error_reply(std::span<const std::byte> body);
Result<void> encode_error_reply(ByteWriter& out, const ErrorReply& message);

}  // namespace shardrun::proto
