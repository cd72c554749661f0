#include "proto/error_reply.h"

#include "proto/limits.h"

namespace shardrun::proto {
namespace {

/// | offset | type          | field        | bounds                                          |
/// |      0 | u32           | code         | 1..4095, an errno value                         |
/// |      4 | u32           | offset_bytes | from the refused frame's header; 0 if nowhere   |
/// |      8 | u16 n, n text | sentence     | 0..4096 bytes                                   |
template <class Fields>
void describe(Fields& fields, Of<Fields, ErrorReply>& message) {
    fields.number("code", message.code, {1, kErrorCodeMax});
    fields.number("offset_bytes", message.offset_bytes);
    fields.text("sentence", message.sentence, {0, kSentenceLengthMax});
}

}  // namespace

DecodedBody<ErrorReply> decode_error_reply(std::span<const std::byte> body) {
    return decode_body<ErrorReply>("ErrorReply", body,
                                   [](auto& in, auto& message) { describe(in, message); });
}

Result<void> encode_error_reply(ByteWriter& out, const ErrorReply& message) {
    return encode_body("ErrorReply", out, message, false,
                       [](auto& writer, auto& value) { describe(writer, value); });
}

}  // namespace shardrun::proto
