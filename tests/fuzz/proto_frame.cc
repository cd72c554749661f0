#include "base/fail.h"
#include "proto/frame.h"
#include "target.h"

namespace shardrun::proto {
namespace {

/// A frame either is refused, and the answer can be sent; or encodes and comes back equal.
void check(std::span<const std::byte> bytes) {
    const auto frame = decode_frame(bytes);
    if (!frame) {
        SR_ASSERT(frame.error().offset_bytes <= bytes.size());
        const auto answer = encode_frame(make_error_reply(frame.error()));
        SR_ASSERT(answer && decode_frame(*answer));
        return;
    }
    const auto encoded = encode_frame(*frame);
    SR_ASSERT(encoded && encoded->size() <= bytes.size());
    SR_ASSERT(decode_frame(*encoded) == frame);
}

}  // namespace
}  // namespace shardrun::proto

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    shardrun::proto::check(std::as_bytes(std::span(data, size)));
    return 0;
}
