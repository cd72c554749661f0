#include "raw_frame.h"

#include "proto/limits.h"

namespace shardrun::proto {

RawFrame::RawFrame(MessageType type, std::uint8_t flags) {
    u32(0).u8(kVersion).u8(static_cast<std::uint8_t>(type)).u8(flags).u8(0).u64(1);
}

RawFrame& RawFrame::fd_count(std::uint8_t count) {
    bytes_[7] = std::byte{count};
    return *this;
}

RawFrame& RawFrame::number(std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
        bytes_.push_back(static_cast<std::byte>(value >> (8 * i)));
    return *this;
}

RawFrame& RawFrame::text(std::size_t size) {
    u16(size);
    bytes_.insert(bytes_.end(), size, std::byte{'x'});
    return *this;
}

RawFrame& RawFrame::field(Tag tag, std::size_t size) {
    u16(static_cast<std::uint16_t>(tag)).u32(size);
    bytes_.insert(bytes_.end(), size, std::byte{'x'});
    return *this;
}

RawFrame& RawFrame::field(Tag tag, std::uint64_t value, std::size_t size) {
    return u16(static_cast<std::uint16_t>(tag)).u32(size).number(value, size);
}

std::vector<std::byte> RawFrame::bytes() const {
    std::vector<std::byte> whole = bytes_;
    const std::size_t payload = whole.size() - kHeaderSize;
    for (std::size_t i = 0; i < 4; ++i) whole[i] = static_cast<std::byte>(payload >> (8 * i));
    return whole;
}

RawFrame raw_new_shard() {
    RawFrame raw(MessageType::resource_request, 0);
    return raw.u16(2);
}

RawFrame raw_run() {
    RawFrame raw(MessageType::resource_request, 0);
    return raw.u16(3).u8(0).field(Tag::argument, 2);
}

RawFrame raw_assignment() {
    RawFrame raw(MessageType::shard_assignment, 1);
    return raw.u16(2).u64(7).u64(0);
}

RawFrame raw_status() {
    RawFrame raw(MessageType::shard_status, 1);
    return raw.u64(7);
}

RawFrame raw_prefetch_request() {
    RawFrame raw(MessageType::prefetch_request, 0);
    return raw.u64(7).u8(1).text(1);
}

RawFrame raw_prefetch_response() {
    RawFrame raw(MessageType::prefetch_response, 1);
    return raw.u64(7).u8(1).text(1);
}

}  // namespace shardrun::proto
