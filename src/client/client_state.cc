#include "client/client_state.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "base/fail.h"

namespace shardrun::client {

Deadline::Deadline(Timeout timeout) {
    if (timeout == kNoTimeout) return;
    end_ = std::chrono::steady_clock::now() + std::max(timeout, Timeout{0});
}

int Deadline::poll_timeout_ms() const {
    if (!end_) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*end_ - std::chrono::steady_clock::now());
    return static_cast<int>(
        std::clamp<std::int64_t>(left.count(), 0, std::numeric_limits<int>::max()));
}

bool Deadline::is_over() const {
    return end_ && std::chrono::steady_clock::now() >= *end_;
}

}  // namespace shardrun::client

namespace shardrun {
namespace {

// Events that nobody fetches must not grow without bound: the oldest goes.
constexpr std::size_t kSetAsideMax = 16384;
constexpr std::size_t kAbandonedMax = 1024;  // The oldest are forgotten first.

}  // namespace

std::unexpected<Error> Client::State::close(Error error) {
    is_open = false;
    return std::unexpected(std::move(error));
}

void Client::State::abandon(std::uint64_t correlation) {
    abandoned_.insert(correlation);
    if (abandoned_.size() > kAbandonedMax) abandoned_.erase(abandoned_.begin());
}

bool Client::State::is_abandoned(const ReceivedFrame& received) {
    const std::uint64_t correlation = received.frame.correlation;
    if (received.is_event() || !abandoned_.contains(correlation)) return false;
    if (!received.has(FrameFlag::more)) abandoned_.erase(correlation);
    return true;
}

Result<void> Client::State::flush() {
    const auto sent = channel.flush();
    // What the manager said before it closed is still to be read; the end is met there.
    if (sent || sent.error().code == EPIPE || sent.error().code == ECONNRESET) return {};
    return close(sent.error());
}

Result<std::optional<ReceivedFrame>> Client::State::read_frame() {
    using Fill = client::FrameChannel::Fill;
    while (is_open) {
        auto next = channel.next();
        if (!next) return close(std::move(next).error().error);
        std::optional<ReceivedFrame> received = *std::move(next);
        if (received && !is_abandoned(*received)) return received;
        if (received || channel.has_unread()) continue;
        auto filled = channel.fill();
        if (!filled) return close(std::move(filled).error());
        if (*filled == Fill::nothing) return std::nullopt;
        if (*filled == Fill::end) is_open = false;
    }
    return fail(EPIPE, "the supervisor closed the connection");
}

Result<void> Client::State::wait_ready(const client::Deadline& deadline) {
    const bool writing = !channel.queue().is_empty();
    pollfd ready{channel.fd(), static_cast<short>(writing ? POLLIN | POLLOUT : POLLIN), 0};
    const int count = ::poll(&ready, 1, deadline.poll_timeout_ms());
    if (count < 0 && errno != EINTR) return fail_errno("wait for the supervisor");
    if (count == 0 && deadline.is_over()) return fail(ETIMEDOUT, "wait for the supervisor");
    return {};
}

Result<ReceivedFrame> Client::State::read_until(const client::Deadline& deadline) {
    while (true) {
        SR_DO(flush());
        SR_TRY(std::optional<ReceivedFrame> received, read_frame());
        if (received) return *std::move(received);
        SR_DO(wait_ready(deadline));
    }
}

Result<ReceivedFrame> Client::State::wait_for(const Match& match,
                                              const client::Deadline& deadline) {
    const auto kept = std::find_if(set_aside.begin(), set_aside.end(), match);
    if (kept != set_aside.end()) {
        ReceivedFrame received = std::move(*kept);
        set_aside.erase(kept);
        return received;
    }
    while (true) {
        SR_TRY(ReceivedFrame received, read_until(deadline));
        if (match(received)) return received;
        // Correlation 0 answers nothing: the manager says why it is about to close.
        if (auto error = received.error(); error && received.frame.correlation == 0)
            return std::unexpected(*std::move(error));
        if (set_aside.size() >= kSetAsideMax) set_aside.pop_front();
        set_aside.push_back(std::move(received));
    }
}

}  // namespace shardrun
