#include <algorithm>
#include <cerrno>
#include <utility>

#include "proto/frame.h"

namespace shardrun::proto {
namespace {

/// What any receiver accepts: whole, without NUL, and a code that is an errno value.
ErrorReply make_body(const Error& error, std::uint32_t offset_bytes) {
    ErrorReply body;
    const bool is_errno = error.code > 0 && error.code <= static_cast<int>(kErrorCodeMax);
    body.code = is_errno ? static_cast<std::uint32_t>(error.code) : std::uint32_t{EPROTO};
    body.offset_bytes = offset_bytes;
    body.sentence = error.message.substr(0, kSentenceLengthMax);
    std::ranges::replace(body.sentence, '\0', '?');
    return body;
}

Frame make_frame(MessageType type, std::uint8_t flags, std::uint64_t correlation, ErrorReply body) {
    return {type, flags, correlation, 0, std::move(body)};
}

constexpr auto kError = static_cast<std::uint8_t>(FrameFlag::error);
constexpr auto kErrorAnswer = static_cast<std::uint8_t>(kError | std::uint8_t{1});
static_assert(static_cast<std::uint8_t>(FrameFlag::reply) == 1);

}  // namespace

MessageType reply_type(std::uint8_t asked) {
    switch (MessageType{asked}) {
        case MessageType::shard_status:
            return MessageType::shard_status;
        case MessageType::resource_access:
        case MessageType::prefetch_request:
        case MessageType::prefetch_response:
            return MessageType::prefetch_response;
        case MessageType::resource_request:
        case MessageType::shard_assignment:
            break;
    }
    return MessageType::shard_assignment;
}

Frame make_error_reply(MessageType type, std::uint64_t correlation, const Error& error) {
    return make_frame(type, kErrorAnswer, correlation, make_body(error, 0));
}

Frame make_error_reply(const DecodeError& refused) {
    return make_frame(reply_type(refused.header.type), kErrorAnswer, refused.header.correlation,
                      make_body(refused.error, refused.offset_bytes));
}

Frame make_error_notice(const Error& error) {
    return make_frame(MessageType::shard_assignment, kError, 0, make_body(error, 0));
}

}  // namespace shardrun::proto
