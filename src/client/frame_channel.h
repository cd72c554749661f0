#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "proto/fd_ledger.h"
#include "proto/frame_decoder.h"
#include "shardrun/client.h"
#include "sys/send_queue.h"
#include "sys/unique_fd.h"

namespace shardrun::client {

/// Frames and their descriptors over one non-blocking stream socket, for either end of it: the
/// library and the supervisor read and write through the same code. Never waits.
class FrameChannel {
 public:
    explicit FrameChannel(UniqueFd socket) : socket_(std::move(socket)) {}

    int fd() const { return socket_.get(); }

    enum class Fill { nothing, bytes, end };
    /// Reads once, up to 64 KiB. Only when `has_unread` is false. Errors: ECONNRESET; EMSGSIZE and
    /// EMFILE for descriptors, after which the stream cannot be trusted any more.
    Result<Fill> fill();

    /// The next whole frame of what was read; none: fill again. After an error the stream is lost.
    proto::Decoded<std::optional<ReceivedFrame>> next();

    /// There are bytes that `next` has not looked at.
    bool has_unread() const { return position_ < unread_.size(); }
    /// A frame has begun to arrive and is not whole.
    bool is_mid_frame() const { return decoder_.is_mid_frame(); }

    /// Queues a frame. Errors: EPROTO, EMSGSIZE when the other side would refuse it.
    Result<void> push(const Frame& frame, std::vector<UniqueFd> fds);
    /// Writes what the socket takes; says how many bytes. Errors: EPIPE, ECONNRESET.
    Result<std::size_t> flush() { return queue_.flush(socket_.get()); }
    const sys::SendQueue& queue() const { return queue_; }

 private:
    proto::Decoded<ReceivedFrame> with_fds(proto::ReceivedFrame received);
    void drop_read();

    UniqueFd socket_;
    proto::FrameDecoder decoder_;
    proto::FdLedger<UniqueFd> ledger_;
    std::vector<std::byte> unread_;
    std::size_t position_ = 0;
    sys::SendQueue queue_;
};

}  // namespace shardrun::client
