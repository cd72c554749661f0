#include "proto/header.h"

#include <array>
#include <cerrno>
#include <string_view>

namespace shardrun::proto {
namespace {

// | offset | type | field        | bounds                                       |
// |      0 | u32  | payload_size | 0..1048576                                   |
// |      4 | u8   | version      | 1                                            |
// |      5 | u8   | type         | 1..6, see MessageType                        |
// |      6 | u8   | flags        | 1 reply, 2 error, 4 more, 8 event            |
// |      7 | u8   | fd_count     | 0..8                                         |
// |      8 | u64  | correlation  | not 0 unless error                           |
constexpr std::size_t kPayloadSizeAt = 0;
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kTypeAt = 5;
constexpr std::size_t kFlagsAt = 6;
constexpr std::size_t kFdCountAt = 7;
constexpr std::size_t kCorrelationAt = 8;

/// What a message may be besides an error.
struct Roles {
    std::string_view name;
    bool request = false;
    bool reply = false;
    bool event = false;
};

constexpr std::array<Roles, 6> kRoles{{
    {.name = "ResourceRequest", .request = true},
    {.name = "ShardAssignment", .reply = true, .event = true},
    {.name = "ResourceAccess", .request = true},
    {.name = "ShardStatus", .request = true, .reply = true, .event = true},
    {.name = "PrefetchRequest", .request = true, .event = true},
    {.name = "PrefetchResponse", .reply = true, .event = true},
}};

template <class... Args>
std::unexpected<DecodeError> refuse_header(const FrameHeader& header, std::size_t offset, int code,
                                           fmt::format_string<Args...> format, Args&&... args) {
    std::string sentence = fmt::format(format, std::forward<Args>(args)...);
    return refuse_frame(header, Error{code, "header." + std::move(sentence)}, offset);
}

Decoded<void> check_role(const FrameHeader& header, bool is_reply, bool is_event) {
    const Roles& roles = kRoles[header.type - 1U];
    if (is_reply && !roles.reply)
        return refuse_header(header, kFlagsAt, EPROTO, "flags: {} is never a reply", roles.name);
    if (is_event && !roles.event)
        return refuse_header(header, kFlagsAt, EPROTO, "flags: {} is never an event", roles.name);
    if (!is_reply && !is_event && !roles.request)
        return refuse_header(header, kFlagsAt, EPROTO, "flags: {} is never a request", roles.name);
    return {};
}

Decoded<void> check_flags(const FrameHeader& header) {
    const auto has = [&](FrameFlag flag) {
        return (header.flags & static_cast<std::uint8_t>(flag)) != 0;
    };
    const bool is_reply = has(FrameFlag::reply);
    const bool is_event = has(FrameFlag::event);
    if (header.flags > 15)
        return refuse_header(header, kFlagsAt, EPROTO, "flags: {:#04x} has bits beyond 0x0f",
                             header.flags);
    if (is_reply && is_event)
        return refuse_header(header, kFlagsAt, EPROTO, "flags: a reply is not an event");
    if (has(FrameFlag::more) && !is_reply && !is_event)
        return refuse_header(header, kFlagsAt, EPROTO, "flags: more without reply or event");
    if (has(FrameFlag::error)) return {};
    if (header.correlation == 0)
        return refuse_header(header, kCorrelationAt, EPROTO, "correlation: 0 without error");
    return check_role(header, is_reply, is_event);
}

}  // namespace

std::unexpected<DecodeError> refuse_frame(const FrameHeader& header, Error error,
                                          std::size_t offset_bytes) {
    return std::unexpected(
        DecodeError{std::move(error), static_cast<std::uint32_t>(offset_bytes), header});
}

Decoded<void> check_header(const FrameHeader& header, std::size_t payload_size_max) {
    // The version comes first: in another one, every field but size and correlation may differ.
    if (header.version != kVersion)
        return refuse_header(header, kVersionAt, EPROTONOSUPPORT, "version: {} is not {}",
                             header.version, kVersion);
    if (header.payload_size > payload_size_max)
        return refuse_header(header, kPayloadSizeAt, EMSGSIZE, "payload_size: {} is more than {}",
                             header.payload_size, payload_size_max);
    if (header.type < 1 || header.type > kRoles.size())
        return refuse_header(header, kTypeAt, EPROTO, "type: {} is not within 1..{}", header.type,
                             kRoles.size());
    if (header.fd_count > kFdCountMax)
        return refuse_header(header, kFdCountAt, EPROTO, "fd_count: {} is more than {}",
                             header.fd_count, kFdCountMax);
    return check_flags(header);
}

Decoded<FrameHeader> decode_header(std::span<const std::byte> bytes, std::size_t payload_size_max) {
    SR_ASSERT(bytes.size() >= kHeaderSize);
    ByteReader in(bytes);
    FrameHeader header;
    header.payload_size = *in.read<std::uint32_t>();
    header.version = *in.read<std::uint8_t>();
    header.type = *in.read<std::uint8_t>();
    header.flags = *in.read<std::uint8_t>();
    header.fd_count = *in.read<std::uint8_t>();
    header.correlation = *in.read<std::uint64_t>();
    SR_DO(check_header(header, payload_size_max));
    return header;
}

Result<void> encode_header(ByteWriter& out, const FrameHeader& header) {
    SR_DO(out.write(header.payload_size));
    SR_DO(out.write(header.version));
    SR_DO(out.write(header.type));
    SR_DO(out.write(header.flags));
    SR_DO(out.write(header.fd_count));
    return out.write(header.correlation);
}

}  // namespace shardrun::proto
