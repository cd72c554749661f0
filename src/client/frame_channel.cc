#include "client/frame_channel.h"

#include <array>
#include <utility>

#include "base/fail.h"
#include "sys/unix_socket.h"

namespace shardrun::client {
namespace {

constexpr std::size_t kReadSize = std::size_t{64} << 10U;
constexpr std::size_t kKeptCapacity = 4096;  // An idle channel costs no more than this.
constexpr std::uint32_t kFdCountOffset = 7;  // of fd_count in the header

// The answer names the frame whose descriptors are wrong.
proto::DecodeError refuse_frame(const Frame& frame, Error error) {
    proto::FrameHeader header;
    header.type = std::to_underlying(frame.type);
    header.flags = frame.flags;
    header.fd_count = frame.fd_count;
    header.correlation = frame.correlation;
    return {std::move(error), kFdCountOffset, header};
}

}  // namespace

Result<FrameChannel::Fill> FrameChannel::fill() {
    SR_ASSERT(!has_unread());
    std::array<std::byte, kReadSize> buffer;  // NOLINT: 64 KiB need not be cleared before a read.
    SR_TRY(sys::Received received, sys::receive_some(socket_.get(), buffer));
    if (received.is_end) return Fill::end;
    if (received.size_bytes == 0) return Fill::nothing;
    const std::uint64_t begin = decoder_.offset_bytes();
    SR_DO(ledger_.arrived(begin, begin + received.size_bytes, std::move(received.fds)));
    unread_.assign(buffer.begin(),
                   buffer.begin() + static_cast<std::ptrdiff_t>(received.size_bytes));
    position_ = 0;
    return Fill::bytes;
}

void FrameChannel::drop_read() {
    unread_.clear();
    position_ = 0;
    if (unread_.capacity() > kKeptCapacity) unread_.shrink_to_fit();
}

proto::Decoded<ReceivedFrame> FrameChannel::with_fds(proto::ReceivedFrame received) {
    auto fds = ledger_.claim(received);
    if (!fds) return std::unexpected(refuse_frame(received.frame, std::move(fds).error()));
    return ReceivedFrame{std::move(received.frame), *std::move(fds)};
}

proto::Decoded<std::optional<ReceivedFrame>> FrameChannel::next() {
    std::span<const std::byte> rest = std::span(unread_).subspan(position_);
    auto received = decoder_.next(rest);
    position_ = unread_.size() - rest.size();
    if (!received) return std::unexpected(std::move(received).error());
    std::optional<ReceivedFrame> frame;
    if (std::optional<proto::ReceivedFrame> whole = *std::move(received)) {
        SR_TRY(frame, with_fds(*std::move(whole)));
    }
    if (has_unread()) return frame;
    drop_read();
    // Everything that came is decoded: descriptors that are left belong to no frame.
    if (auto settled = ledger_.settle(decoder_.frame_begin_bytes()); !settled)
        return std::unexpected(proto::DecodeError{std::move(settled).error(), 0, {}});
    return frame;
}

Result<void> FrameChannel::push(const Frame& frame, std::vector<UniqueFd> fds) {
    SR_ASSERT(frame.fd_count == fds.size());
    SR_TRY(const std::vector<std::byte> bytes, proto::encode_frame(frame));
    queue_.push(bytes, std::move(fds));
    return {};
}

}  // namespace shardrun::client
