#include "proto/resource_access.h"

#include "proto/limits.h"

namespace shardrun::proto {
namespace {

/// | offset | type          | field    | bounds                            |
/// |      0 | u64           | shard    | not 0                             |
/// |      8 | u8            | kind     | 1 data, 2 code, 3 configuration   |
/// |      9 | u16 n, n text | name     | 1..1024 bytes                     |
template <class Fields>
void describe(Fields& fields, Of<Fields, ResourceAccess>& message) {
    fields.number("shard", message.shard, {.min = 1});
    fields.number("kind", message.kind, {1, 3});
    fields.text("name", message.name, {1, kBlobNameLengthMax});
}

}  // namespace

DecodedBody<ResourceAccess> decode_resource_access(std::span<const std::byte> body) {
    return decode_body<ResourceAccess>("ResourceAccess", body,
                                       [](auto& in, auto& message) { describe(in, message); });
}

Result<void> encode_resource_access(ByteWriter& out, const ResourceAccess& message) {
    return encode_body("ResourceAccess", out, message, false,
                       [](auto& writer, auto& value) { describe(writer, value); });
}

}  // namespace shardrun::proto
