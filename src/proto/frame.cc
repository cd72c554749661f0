#include "proto/frame.h"

#include <cerrno>
#include <optional>

#include "proto/error_reply.h"
#include "proto/header.h"
#include "proto/prefetch_request.h"
#include "proto/prefetch_response.h"
#include "proto/resource_access.h"
#include "proto/resource_request.h"
#include "proto/shard_assignment.h"
#include "proto/shard_status.h"

namespace shardrun::proto {
namespace {

constexpr std::size_t kFdCountAt = 7;

template <class... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};

Result<void> encode_message(ByteWriter& out, const Message& message) {
    const Overloaded encode{
        [&](const ResourceRequest& value) { return encode_resource_request(out, value); },
        [&](const ShardAssignment& value) { return encode_shard_assignment(out, value); },
        [&](const ResourceAccess& value) { return encode_resource_access(out, value); },
        [&](const ShardStatus& value) { return encode_shard_status(out, value); },
        [&](const PrefetchRequest& value) { return encode_prefetch_request(out, value); },
        [&](const PrefetchResponse& value) { return encode_prefetch_response(out, value); },
        [&](const ErrorReply& value) { return encode_error_reply(out, value); }};
    return std::visit(encode, message);
}

DecodedBody<Message> decode_message(const FrameHeader& header, std::span<const std::byte> body) {
    if ((header.flags & static_cast<std::uint8_t>(FrameFlag::error)) != 0)
        return decode_error_reply(body);
    switch (MessageType{header.type}) {
        case MessageType::resource_request:
            return decode_resource_request(body);
        case MessageType::shard_assignment:
            return decode_shard_assignment(body);
        case MessageType::resource_access:
            return decode_resource_access(body);
        case MessageType::shard_status:
            return decode_shard_status(body);
        case MessageType::prefetch_request:
            return decode_prefetch_request(body);
        case MessageType::prefetch_response:
            return decode_prefetch_response(body);
    }
    return std::unexpected(Fault{Error{EPROTO, "header.type: unknown"}, 0});  // check_header knows.
}

/// Does `type` name this message? An error may answer as any.
bool is_type_of(MessageType type, const Message& message) {
    return std::holds_alternative<ErrorReply>(message) ||
           message.index() + 1 == static_cast<std::size_t>(type);
}

struct FdBounds {
    std::size_t min = 0;
    std::size_t max = 0;
};

FdBounds fd_bounds(const Message& message) {
    if (const auto* request = std::get_if<ResourceRequest>(&message)) {
        const auto* run = std::get_if<ResourceRequest::Run>(&request->what);
        return {0, run != nullptr && !run->program.terminal ? 3U : 0U};
    }
    if (const auto* assignment = std::get_if<ShardAssignment>(&message))
        return {assignment->fds.size(), assignment->fds.size()};
    if (const auto* response = std::get_if<PrefetchResponse>(&message))
        return {0, response->data ? 0U : 1U};
    return {};
}

/// What the header and the message must agree on.
std::optional<Error> check_fd_count(const Message& message, std::uint8_t fd_count) {
    const FdBounds bounds = fd_bounds(message);
    if (fd_count >= bounds.min && fd_count <= bounds.max) return std::nullopt;
    return Error{EPROTO, fmt::format("header.fd_count: {} is not within {}..{} for this message",
                                     fd_count, bounds.min, bounds.max)};
}

FrameHeader header_of(const Frame& frame) {
    FrameHeader header;
    header.type = static_cast<std::uint8_t>(frame.type);
    header.flags = frame.flags;
    header.fd_count = frame.fd_count;
    header.correlation = frame.correlation;
    return header;
}

Result<void> check_frame(const Frame& frame) {
    const auto header = check_header(header_of(frame), kPayloadSizeMax);
    if (!header) return std::unexpected(header.error().error);
    if (has_flag(frame, FrameFlag::error) != std::holds_alternative<ErrorReply>(frame.message))
        return refuse(EPROTO, "header.flags: error stands with an ErrorReply, and only with one");
    if (!is_type_of(frame.type, frame.message))
        return refuse(EPROTO, "header.type: {} is not that of the message",
                      static_cast<unsigned>(frame.type));
    if (const auto error = check_fd_count(frame.message, frame.fd_count))
        return std::unexpected(*error);
    return {};
}

}  // namespace

bool has_flag(const Frame& frame, FrameFlag flag) {
    return (frame.flags & static_cast<std::uint8_t>(flag)) != 0;
}

bool is_request(const Frame& frame) {
    return !has_flag(frame, FrameFlag::reply) && !has_flag(frame, FrameFlag::event) &&
           !has_flag(frame, FrameFlag::error);
}

Result<std::vector<std::byte>> encode_frame(const Frame& frame) {
    SR_DO(check_frame(frame));
    ByteWriter out(kFrameSizeMax);
    SR_DO(encode_header(out, header_of(frame)));
    SR_DO(encode_message(out, frame.message));
    out.patch(0, static_cast<std::uint32_t>(out.size() - kHeaderSize));
    return std::move(out).take();
}

Decoded<Frame> decode_frame(std::span<const std::byte> bytes) {
    if (bytes.size() < kHeaderSize)
        return refuse_frame(
            {},
            Error{EPROTO, fmt::format("header: needs {} bytes, has {}", kHeaderSize, bytes.size())},
            0);
    SR_TRY(const FrameHeader header, decode_header(bytes, kPayloadSizeMax));
    const std::span<const std::byte> body = bytes.subspan(kHeaderSize);
    if (body.size() != header.payload_size)
        return refuse_frame(
            header,
            Error{EPROTO, fmt::format("header.payload_size: {}, but {} bytes follow",
                                      header.payload_size, body.size())},
            0);
    auto message = decode_message(header, body);
    if (!message)
        return refuse_frame(header, std::move(message.error().error),
                            kHeaderSize + message.error().offset_bytes);
    if (auto error = check_fd_count(*message, header.fd_count))
        return refuse_frame(header, *std::move(error), kFdCountAt);
    return Frame{MessageType{header.type}, header.flags, header.correlation, header.fd_count,
                 *std::move(message)};
}

}  // namespace shardrun::proto
