#pragma once

#include <expected>
#include <span>
#include <string_view>

#include "proto/field_reader.h"
#include "proto/field_writer.h"

namespace shardrun::proto {

/// A payload as a value, or why it is none.
template <class Message>
using DecodedBody = std::expected<Message, Fault>;

/// Reads a whole payload by its description.
template <class Message, class Describe>
DecodedBody<Message> decode_body(std::string_view name, std::span<const std::byte> body,
                                 Describe describe) {
    FieldReader in(name, body, Shape::open);
    Message message{};
    describe(in, message);
    if (const auto& fault = in.finish()) return std::unexpected(*fault);
    return message;
}

/// Appends a payload by its description.
template <class Message, class Describe>
Result<void> encode_body(std::string_view name, ByteWriter& out, const Message& message,
                         bool is_critical, Describe describe) {
    FieldWriter writer(name, out, is_critical);
    describe(writer, message);
    if (const auto& error = writer.finish()) return std::unexpected(*error);
    return {};
}

}  // namespace shardrun::proto
