#include "supervisor/connection.h"

#include <sys/epoll.h>

#include <cerrno>
#include <utility>

#include "base/fail.h"
#include "base/log.h"
#include "proto/frame.h"

namespace shardrun::supervisor {
namespace {

// Descriptors that may wait for one slow reader: each is one of the supervisor's own few thousand.
constexpr std::size_t kQueuedFdsMax = 256;
// A listing is queued at once, before the client could read any of it; so the configured bound
// judges what is left over from earlier rounds, and this one what a single round may add.
constexpr std::size_t kBurstMaxBytes = std::size_t{16} << 20U;
constexpr std::uint32_t kFlagsOffset = 6;  // in a frame's header

proto::DecodeError refuse_no_request(const Frame& frame) {
    return {{EPROTO, "a client sends requests, not replies, events or errors"},
            kFlagsOffset,
            {0, proto::kVersion, std::to_underlying(frame.type), frame.flags, frame.fd_count,
             frame.correlation}};
}

}  // namespace

Connection::Connection(ClientId id, const PeerCredentials& peer, UniqueFd socket,
                       const ConnectionLimits& limits)
    : id_(id), peer_(peer), limits_(limits), channel_(std::move(socket)) {}

std::string Connection::name() const {
    return fmt::format("client {} (uid {}, pid {})", std::to_underlying(id_), peer_.uid, peer_.pid);
}

bool Connection::is_paused() const {
    return channel_.queue().size_bytes() > limits_.send_queue_max_bytes / 2 ||
           channel_.queue().fd_count() > kQueuedFdsMax / 2;
}

bool Connection::has_frames() const {
    return state_ == State::open && channel_.has_unread() && !is_paused();
}

std::uint32_t Connection::wanted_events() const {
    if (state_ == State::closed) return 0;
    std::uint32_t events = channel_.queue().is_empty() ? 0U : std::uint32_t{EPOLLOUT};
    const bool reads = state_ == State::open && !channel_.has_unread() && !is_paused();
    if (reads) events |= std::uint32_t{EPOLLIN};
    return events;
}

std::optional<MonoTime> Connection::deadline() const {
    if (state_ == State::closed) return std::nullopt;
    // While we do not read, the client cannot finish its frame: only its own reading is judged.
    if (!frame_due_ || write_due_) return write_due_;
    return frame_due_;
}

void Connection::on_ready(std::uint32_t events, MonoTime now) {
    if ((events & EPOLLOUT) != 0) flush(now);
    const bool hung_up = (events & (EPOLLHUP | EPOLLERR)) != 0;
    if (state_ == State::open && (wanted_events() & EPOLLIN) != 0) return read(now);
    // Nothing will be read and nobody reads: what is queued has no receiver.
    if (hung_up) state_ = State::closed;
}

void Connection::read(MonoTime now) {
    using Fill = client::FrameChannel::Fill;
    const auto filled = channel_.fill();
    if (filled) {
        if (*filled == Fill::end) state_ = State::closed;
        return;
    }
    if (filled.error().code == ECONNRESET) return fall("the connection was reset");
    refuse(proto::make_error_notice(filled.error()), filled.error().message, now);
}

void Connection::note_frame_progress(bool frame_ended, MonoTime now) {
    if (!channel_.is_mid_frame()) {
        frame_due_.reset();
    } else if (!frame_due_ || frame_ended) {
        frame_due_ = now + limits_.request_deadline;
    }
}

std::optional<ReceivedFrame> Connection::next_frame(MonoTime now) {
    if (!has_frames()) return std::nullopt;
    auto next = channel_.next();
    if (!next) {
        refuse(proto::make_error_reply(next.error()), next.error().error.message, now);
        return std::nullopt;
    }
    std::optional<ReceivedFrame> received = *std::move(next);
    note_frame_progress(received.has_value(), now);
    if (!received || proto::is_request(received->frame)) return received;
    const proto::DecodeError error = refuse_no_request(received->frame);
    refuse(proto::make_error_reply(error), error.error.message, now);
    return std::nullopt;
}

bool Connection::is_over_bound() const {
    return backlog_bytes_ > limits_.send_queue_max_bytes ||
           channel_.queue().size_bytes() > limits_.send_queue_max_bytes + kBurstMaxBytes ||
           channel_.queue().fd_count() > kQueuedFdsMax;
}

void Connection::send(const Frame& frame, std::vector<UniqueFd> fds, MonoTime now) {
    if (state_ != State::open) return;
    if (is_over_bound())
        return fall(fmt::format("it left {} bytes and {} descriptors unread, {} KiB are allowed",
                                channel_.queue().size_bytes(), channel_.queue().fd_count(),
                                limits_.send_queue_max_bytes >> 10U));
    if (auto pushed = channel_.push(frame, std::move(fds)); !pushed) {
        log(LogLevel::error, "{}: cannot be answered: {}", name(), pushed.error().message);
        Frame instead = proto::make_error_notice(pushed.error());
        instead.type = frame.type;
        instead.flags = static_cast<std::uint8_t>(instead.flags | frame.flags);
        instead.correlation = frame.correlation;
        if (!channel_.push(instead, {})) return fall("its answer cannot be encoded");
    }
    if (!write_due_) write_due_ = now + limits_.request_deadline;
}

void Connection::flush(MonoTime now) {
    if (state_ == State::closed) return;
    const auto sent = channel_.flush();
    if (!sent) {
        state_ = State::closed;
        return;
    }
    backlog_bytes_ = channel_.queue().size_bytes();
    if (channel_.queue().is_empty()) {
        if (write_due_ && frame_due_) frame_due_ = now + limits_.request_deadline;
        write_due_.reset();
        if (state_ == State::closing) state_ = State::closed;
    } else if (*sent > 0) {
        write_due_ = now + limits_.request_deadline;
    }
}

void Connection::close_after_queue(MonoTime now) {
    if (state_ == State::closed) return;
    state_ = State::closing;
    frame_due_.reset();
    if (!write_due_) write_due_ = now + limits_.request_deadline;
    flush(now);
}

void Connection::refuse(const Frame& answer, const std::string& why, MonoTime now) {
    log(LogLevel::notice, "{}: refused: {}; closing", name(), why);
    send(answer, {}, now);
    close_after_queue(now);
}

void Connection::fall(const std::string& why) {
    log(LogLevel::notice, "{}: {}; closing", name(), why);
    state_ = State::closed;
}

void Connection::on_deadline(MonoTime now) {
    if (write_due_ && *write_due_ <= now) return fall("it does not read what it is sent");
    if (write_due_ || !frame_due_ || *frame_due_ > now) return;
    const Error error{ETIMEDOUT, fmt::format("a frame began and was not whole within {} ms",
                                             limits_.request_deadline.count())};
    refuse(proto::make_error_notice(error), error.message, now);
}

}  // namespace shardrun::supervisor
