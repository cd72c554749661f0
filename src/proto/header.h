#pragma once

#include <cstddef>
#include <span>

#include "base/byte_cursor.h"
#include "proto/frame.h"

namespace shardrun::proto {

/// The header of the frame at the front of `bytes`, checked on its own: everything about it that
/// the payload does not decide. `bytes` holds at least kHeaderSize bytes. Errors: see DecodeError.
Decoded<FrameHeader> decode_header(std::span<const std::byte> bytes, std::size_t payload_size_max);

/// Why such a header would be refused, if it would be.
Decoded<void> check_header(const FrameHeader& header, std::size_t payload_size_max);

Result<void> encode_header(ByteWriter& out, const FrameHeader& header);

/// A refusal of the frame with this header.
std::unexpected<DecodeError> refuse_frame(const FrameHeader& header, Error error,
                                          std::size_t offset_bytes);

}  // namespace shardrun::proto
