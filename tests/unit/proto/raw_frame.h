#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "proto/tag.h"
#include "shardrun/messages.h"

namespace shardrun::proto {

/// Bytes of a frame put together by hand, so that what no encoder would send can be decoded.
class RawFrame {
 public:
    RawFrame(MessageType type, std::uint8_t flags);

    RawFrame& fd_count(std::uint8_t count);
    RawFrame& u8(std::uint64_t value) { return number(value, 1); }
    RawFrame& u16(std::uint64_t value) { return number(value, 2); }
    RawFrame& u32(std::uint64_t value) { return number(value, 4); }
    RawFrame& u64(std::uint64_t value) { return number(value, 8); }
    /// `size` bytes 'x' behind their length.
    RawFrame& text(std::size_t size);
    /// An optional field of `size` bytes 'x'.
    RawFrame& field(Tag tag, std::size_t size);
    /// An optional field that is a number of `size` bytes.
    RawFrame& field(Tag tag, std::uint64_t value, std::size_t size);

    /// Offset of what is appended next, from the header's first byte.
    std::size_t size() const { return bytes_.size(); }
    /// The frame, with its payload's size put in.
    std::vector<std::byte> bytes() const;

 private:
    RawFrame& number(std::uint64_t value, std::size_t size);

    std::vector<std::byte> bytes_;
};

/// The fixed part of a message, with values that are accepted: optional fields may follow.
RawFrame raw_new_shard();
RawFrame raw_run();  ///< with one argument
RawFrame raw_assignment();
RawFrame raw_status();
RawFrame raw_prefetch_request();
RawFrame raw_prefetch_response();

}  // namespace shardrun::proto
