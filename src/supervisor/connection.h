#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/mono_time.h"
#include "client/frame_channel.h"
#include "supervisor/manager.h"

namespace shardrun::supervisor {

/// What one client may make the supervisor hold for it.
struct ConnectionLimits {
    std::size_t send_queue_max_bytes = std::size_t{1} << 20U;
    /// A frame that began must be whole, and a queue that waits must move, within this time.
    std::chrono::milliseconds request_deadline{10000};
};

/// One client's connection: reads its frames one at a time, queues what it is sent, and closes it
/// when it misbehaves. Knows neither the event loop nor the manager; never waits.
class Connection {
 public:
    Connection(ClientId id, const PeerCredentials& peer, UniqueFd socket,
               const ConnectionLimits& limits);

    ClientId id() const { return id_; }
    int fd() const { return channel_.fd(); }

    /// `events`: EPOLL… bits.
    void on_ready(std::uint32_t events, MonoTime now);
    /// The next whole frame. A malformed one is answered and ends the connection.
    std::optional<ReceivedFrame> next_frame(MonoTime now);
    /// Queues a frame; `flush` sends it. Ignored once the connection is closing.
    void send(const Frame& frame, std::vector<UniqueFd> fds, MonoTime now);
    void flush(MonoTime now);
    /// Closes when the queue is written; reads no more.
    void close_after_queue(MonoTime now);
    /// When `deadline` has come.
    void on_deadline(MonoTime now);

    /// The events to wait for; 0: none.
    std::uint32_t wanted_events() const;
    std::optional<MonoTime> deadline() const;
    /// There may be a frame to take without waiting for the socket.
    bool has_frames() const;
    bool is_closed() const { return state_ == State::closed; }

 private:
    enum class State : std::uint8_t { open, closing, closed };

    bool is_paused() const;
    void read(MonoTime now);
    void refuse(const Frame& answer, const std::string& why, MonoTime now);
    void fall(const std::string& why);
    void note_frame_progress(bool frame_ended, MonoTime now);
    bool is_over_bound() const;
    std::string name() const;

    ClientId id_;
    PeerCredentials peer_;
    ConnectionLimits limits_;
    client::FrameChannel channel_;
    State state_ = State::open;
    std::size_t backlog_bytes_ = 0;  // What the socket did not take at the last flush.
    std::optional<MonoTime> frame_due_;
    std::optional<MonoTime> write_due_;
};

}  // namespace shardrun::supervisor
