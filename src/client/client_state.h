#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <span>

#include "client/frame_channel.h"
#include "shardrun/client.h"

namespace shardrun::client {

/// When a blocking call gives up.
class Deadline {
 public:
    explicit Deadline(Timeout timeout);
    /// What poll(2) takes: -1 without a limit, rounded up so as not to spin at the end.
    int poll_timeout_ms() const;
    bool is_over() const;

 private:
    std::optional<std::chrono::steady_clock::time_point> end_;
};

}  // namespace shardrun::client

namespace shardrun {

/// The connection and what arrived for later.
struct [[gnu::visibility("hidden")]] Client::State {
    explicit State(UniqueFd socket) : channel(std::move(socket)) {}

    using Match = std::function<bool(const ReceivedFrame&)>;

    /// The first frame that matches: from those set aside, else from the socket; others are set
    /// aside. A notice that the manager closes the connection ends the wait with its Error.
    Result<ReceivedFrame> wait_for(const Match& match, const client::Deadline& deadline);

    /// The next frame from the socket, if a whole one is there.
    Result<std::optional<ReceivedFrame>> read_frame();

    Result<void> flush();

    /// Nobody waits for this reply any more: it is dropped when it comes.
    void abandon(std::uint64_t correlation);

    client::FrameChannel channel;
    std::deque<ReceivedFrame> set_aside;
    std::uint64_t last_correlation = 0;
    bool is_open = true;

 private:
    Result<ReceivedFrame> read_until(const client::Deadline& deadline);
    Result<void> wait_ready(const client::Deadline& deadline);
    bool is_abandoned(const ReceivedFrame& received);
    std::unexpected<Error> close(Error error);

    std::set<std::uint64_t> abandoned_;
};

}  // namespace shardrun
