#include <algorithm>
#include <optional>
#include <vector>

#include "base/fail.h"
#include "base/rng.h"
#include "proto/frame_decoder.h"
#include "target.h"

namespace shardrun::proto {
namespace {

using Bytes = std::span<const std::byte>;

struct Outcome {
    std::vector<ReceivedFrame> frames;
    std::optional<DecodeError> error;
    std::size_t missing_bytes = 0;

    bool operator==(const Outcome&) const = default;
};

/// What comes out when the stream arrives in pieces of 1..piece_max bytes.
Outcome decode(Bytes stream, std::size_t piece_max, Rng& rng) {
    FrameDecoder decoder;
    Outcome outcome;
    while (!stream.empty() && !outcome.error) {
        Bytes piece = stream.first(std::min(stream.size(), 1 + rng.below(piece_max)));
        stream = stream.subspan(piece.size());
        for (;;) {
            const std::size_t missing = decoder.missing_bytes();
            SR_ASSERT(missing > 0 && missing <= kPayloadSizeMax + kHeaderSize);
            const auto next = decoder.next(piece);
            if (!next) outcome.error = next.error();
            if (!next) break;
            const std::optional<ReceivedFrame>& received = *next;
            if (!received) break;
            SR_ASSERT(received->end_offset_bytes == decoder.offset_bytes());
            outcome.frames.push_back(*received);
        }
        SR_ASSERT(outcome.error || piece.empty());
    }
    if (!outcome.error) outcome.missing_bytes = decoder.missing_bytes();
    return outcome;
}

/// Frames lie one behind the other, without gap or overlap.
void check_places(const Outcome& outcome) {
    std::uint64_t end = 0;
    for (const ReceivedFrame& frame : outcome.frames) {
        SR_ASSERT(frame.begin_offset_bytes == end);
        SR_ASSERT(frame.end_offset_bytes >= end + kHeaderSize);
        end = frame.end_offset_bytes;
    }
}

}  // namespace
}  // namespace shardrun::proto

/// The first byte says how the rest is cut; the cuts must not matter.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace shardrun::proto;
    if (size == 0) return 0;
    shardrun::Rng rng(data[0]);
    const Bytes stream = std::as_bytes(std::span(data, size)).subspan(1);
    const Outcome whole = decode(stream, std::max<std::size_t>(stream.size(), 1), rng);
    check_places(whole);
    SR_ASSERT(decode(stream, 1, rng) == whole);
    SR_ASSERT(decode(stream, 1 + data[0], rng) == whole);
    return 0;
}
