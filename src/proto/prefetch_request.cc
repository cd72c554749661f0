#include "proto/prefetch_request.h"

#include "proto/limits.h"

namespace shardrun::proto {
namespace {

/// | offset | type          | field       | bounds                                       |
/// |      0 | u64           | shard       | 0: none in particular                        |
/// |      8 | u8            | kind        | 1 data, 2 code, 3 configuration              |
/// |      9 | u16 n, n text | name        | 1..1024 bytes                                |
/// | 0x0003 | 32 bytes      | digest      | SHA-256                                      |
/// | 0x0601 | u16           | probability | 0..10000                                     |
/// | 0x0602 | u32           | deadline_ms |                                              |
/// | 0x0002 | text          | reason      | 0..4096 bytes                                |
template <class Fields>
void describe(Fields& fields, Of<Fields, PrefetchRequest>& message) {
    fields.number("shard", message.shard);
    fields.number("kind", message.kind, {1, 3});
    fields.text("name", message.name, {1, kBlobNameLengthMax});
    fields.record(Tag::digest, "digest", message.digest,
                  [](auto& inner, auto& digest) { inner.exact_bytes("", digest); });
    fields.optional(Tag::probability, "probability", message.probability, {0, kShareMax});
    fields.optional(Tag::deadline_ms, "deadline_ms", message.deadline_ms);
    fields.optional_text(Tag::reason, "reason", message.reason, {0, kSentenceLengthMax});
}

}  // namespace

DecodedBody<PrefetchRequest> decode_prefetch_request(std::span<const std::byte> body) {
    return decode_body<PrefetchRequest>("PrefetchRequest", body,
                                        [](auto& in, auto& message) { describe(in, message); });
}

Result<void> encode_prefetch_request(ByteWriter& out, const PrefetchRequest& message) {
    return encode_body("PrefetchRequest", out, message, false,
                       [](auto& writer, auto& value) { describe(writer, value); });
}

}  // namespace shardrun::proto
