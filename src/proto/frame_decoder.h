#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "proto/frame.h"

namespace shardrun::proto {

/// A frame and where it lay in the stream, counted from the decoder's first byte. Descriptors
/// belong to the frame whose first byte they came with: see proto/fd_ledger.h.
struct ReceivedFrame {
    Frame frame;
    std::uint64_t begin_offset_bytes = 0;  ///< of the first byte of its header
    std::uint64_t end_offset_bytes = 0;    ///< one past its last byte

    bool operator==(const ReceivedFrame&) const = default;
};

/// Frames out of a byte stream that arrives in arbitrary pieces. Holds at most one frame, and of
/// that only what has arrived: a peer that declares much and sends little costs little.
///
///     std::span<const std::byte> rest = received;
///     while (true) {
///         auto frame = decoder.next(rest);
///         if (!frame) return close_after(make_error_reply(frame.error()));
///         if (!*frame) break;  // `rest` is empty: read on
///         handle(**frame);
///     }
class FrameDecoder {
 public:
    explicit FrameDecoder(std::size_t payload_size_max = kPayloadSizeMax);

    /// Takes bytes off the front of `rest` up to the end of the next frame. A frame; or nullopt
    /// when `rest` ran out before its end. After an error the stream is lost: every further call
    /// gives the same error and takes nothing.
    Decoded<std::optional<ReceivedFrame>> next(std::span<const std::byte>& rest);

    /// Bytes that must still arrive before the frame under way can be whole: first the rest of its
    /// header, then the rest of its payload. kHeaderSize between two frames.
    std::size_t missing_bytes() const;
    /// A frame has begun and not ended; a receiver holds a deadline against that.
    bool is_mid_frame() const { return !buffer_.empty(); }
    /// Bytes taken so far: the offset in the stream of the byte that comes next.
    std::uint64_t offset_bytes() const { return taken_bytes_; }
    /// Where the frame under way began or, between two frames, the next one will begin.
    std::uint64_t frame_begin_bytes() const { return taken_bytes_ - buffer_.size(); }

 private:
    Decoded<void> take(std::span<const std::byte>& rest);
    Decoded<ReceivedFrame> finish();

    std::size_t payload_size_max_;
    std::vector<std::byte> buffer_;  ///< the frame under way, from its first byte
    std::optional<FrameHeader> header_;
    std::optional<DecodeError> failed_;
    std::uint64_t taken_bytes_ = 0;
};

}  // namespace shardrun::proto
