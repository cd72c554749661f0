#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/byte_cursor.h"
#include "base/fail.h"
#include "proto/limits.h"

namespace shardrun::fuzz {

/// A payload either is refused within its bounds, or is a value that encodes and comes back equal.
template <class Decode, class Encode>
int check_body(const std::uint8_t* data, std::size_t size, Decode decode, Encode encode) {
    const auto body = std::as_bytes(std::span(data, size));
    const auto message = decode(body);
    if (!message) {
        SR_ASSERT(message.error().offset_bytes <= size);
        SR_ASSERT(message.error().error.code == EPROTO);
        SR_ASSERT(!message.error().error.message.empty());
        return 0;
    }
    // What was skipped is gone, nothing was added.
    ByteWriter out(size);
    SR_ASSERT(encode(out, *message));
    const auto again = decode(out.bytes());
    SR_ASSERT(again && *again == *message);
    return 0;
}

}  // namespace shardrun::fuzz
