#include <doctest/doctest.h>

#include <cerrno>

#include "proto/frame.h"

namespace shardrun::proto {
namespace {

TEST_CASE("the answer to a refused frame carries its correlation, code, offset and sentence") {
    const DecodeError refused{{EPROTO, "no"}, 24, {.type = 4, .correlation = 9}};
    const Frame answer = make_error_reply(refused);
    CHECK(answer.type == MessageType::shard_status);
    CHECK(answer.flags == 3);
    CHECK(answer.correlation == 9);
    CHECK(std::get<ErrorReply>(answer.message) == ErrorReply{EPROTO, 24, "no"});
}

TEST_CASE("an error has the type of the reply that was hoped for") {
    CHECK(reply_type(1) == MessageType::shard_assignment);
    CHECK(reply_type(3) == MessageType::prefetch_response);
    CHECK(reply_type(4) == MessageType::shard_status);
    CHECK(reply_type(5) == MessageType::prefetch_response);
    CHECK(reply_type(0) == MessageType::shard_assignment);
    CHECK(reply_type(255) == MessageType::shard_assignment);
}

TEST_CASE("any error can be sent, whatever its sentence and its code are") {
    for (const Error& error : {Error{0, std::string(5000, 'x')}, Error{-3, std::string("a\0b", 3)},
                               Error{1 << 20, ""}}) {
        const Frame frame = make_error_notice(error);
        const auto bytes = encode_frame(frame);
        REQUIRE_MESSAGE(bytes, bytes.error().message);
        CHECK(decode_frame(*bytes) == frame);
        CHECK(std::get<ErrorReply>(frame.message).code == EPROTO);
    }
}

TEST_CASE("an error that answers a request keeps the request's correlation") {
    const Frame request{MessageType::resource_access, 0, 12, 0, ResourceAccess{}};
    const MessageType type = reply_type(static_cast<std::uint8_t>(request.type));
    const Frame answer = make_error_reply(type, request.correlation, Error{ENOENT, "no blob"});
    CHECK(answer.correlation == 12);
    CHECK(answer.type == MessageType::prefetch_response);
    CHECK(!is_request(answer));
    CHECK(is_request(request));
}

}  // namespace
}  // namespace shardrun::proto
