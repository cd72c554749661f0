#include "proto/frame_decoder.h"

#include <algorithm>

#include "proto/header.h"

namespace shardrun::proto {

FrameDecoder::FrameDecoder(std::size_t payload_size_max)
    : payload_size_max_(std::min(payload_size_max, kPayloadSizeMax)) {}

std::size_t FrameDecoder::missing_bytes() const {
    const std::size_t size = kHeaderSize + (header_ ? header_->payload_size : 0);
    return size - buffer_.size();
}

Decoded<std::optional<ReceivedFrame>> FrameDecoder::next(std::span<const std::byte>& rest) {
    if (failed_) return std::unexpected(*failed_);
    auto taken = take(rest);
    if (!taken) return std::unexpected(failed_.emplace(std::move(taken).error()));
    if (!header_ || missing_bytes() > 0) return std::optional<ReceivedFrame>();
    auto frame = finish();
    if (!frame) return std::unexpected(failed_.emplace(std::move(frame).error()));
    return std::optional(*std::move(frame));
}

/// Moves what the frame under way lacks from `rest` to the buffer. The header is judged as soon as
/// it is whole, before any byte of its payload is kept.
Decoded<void> FrameDecoder::take(std::span<const std::byte>& rest) {
    const auto move_bytes = [&] {
        const std::size_t size = std::min(missing_bytes(), rest.size());
        buffer_.insert(buffer_.end(), rest.begin(),
                       rest.begin() + static_cast<std::ptrdiff_t>(size));
        rest = rest.subspan(size);
        taken_bytes_ += size;
    };
    move_bytes();
    if (header_ || buffer_.size() < kHeaderSize) return {};
    SR_TRY(header_, decode_header(buffer_, payload_size_max_));
    move_bytes();
    return {};
}

Decoded<ReceivedFrame> FrameDecoder::finish() {
    SR_TRY(Frame frame, decode_frame(buffer_));
    ReceivedFrame received{std::move(frame), frame_begin_bytes(), taken_bytes_};
    // An idle connection keeps no memory of the largest frame it once sent.
    if (buffer_.capacity() > kBufferKeptMax) buffer_ = {};
    buffer_.clear();
    header_.reset();
    return received;
}

}  // namespace shardrun::proto
