#include "proto/prefetch_response.h"

#include "proto/limits.h"

namespace shardrun::proto {
namespace {

/// | offset | type          | field      | bounds                                          |
/// |      0 | u64           | shard      | 0: none in particular                           |
/// |      8 | u8            | outcome    | 1 hit, 2 prefetched, 3 demand_loaded, 4 failed  |
/// |      9 | u16 n, n text | name       | 1..1024 bytes                                   |
/// | 0x0003 | 32 bytes      | digest     | SHA-256                                         |
/// | 0x0603 | u64           | size_bytes |                                                 |
/// | 0x0604 | u64           | elapsed_us |                                                 |
/// | 0x0002 | text          | reason     | 0..4096 bytes                                   |
/// | 0x0605 | bytes         | data       | 0..65536 bytes                                  |
template <class Fields>
void describe(Fields& fields, Of<Fields, PrefetchResponse>& message) {
    fields.number("shard", message.shard);
    fields.number("outcome", message.outcome, {1, 4});
    fields.text("name", message.name, {1, kBlobNameLengthMax});
    fields.record(Tag::digest, "digest", message.digest,
                  [](auto& inner, auto& digest) { inner.exact_bytes("", digest); });
    fields.optional(Tag::size_bytes, "size_bytes", message.size_bytes);
    fields.optional(Tag::elapsed_us, "elapsed_us", message.elapsed_us);
    fields.optional_text(Tag::reason, "reason", message.reason, {0, kSentenceLengthMax});
    fields.record(Tag::data, "data", message.data, [](auto& inner, auto& data) {
        inner.rest_bytes("", data, {0, kInlineDataLengthMax});
    });
}

}  // namespace

DecodedBody<PrefetchResponse> decode_prefetch_response(std::span<const std::byte> body) {
    return decode_body<PrefetchResponse>("PrefetchResponse", body,
                                         [](auto& in, auto& message) { describe(in, message); });
}

Result<void> encode_prefetch_response(ByteWriter& out, const PrefetchResponse& message) {
    return encode_body("PrefetchResponse", out, message, false,
                       [](auto& writer, auto& value) { describe(writer, value); });
}

}  // namespace shardrun::proto
