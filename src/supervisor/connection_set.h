#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "supervisor/connection.h"
#include "supervisor/manager.h"
#include "sys/event_loop.h"
#include "sys/fd_table.h"

namespace shardrun::supervisor {

/// All clients' connections on one event loop. Turns what they do into events for the manager, and
/// gives each its turn: one frame per client and round, whoever floods.
class ConnectionSet {
 public:
    using EventSink = std::function<void(Event)>;

    /// `loop` and `fds` must outlive it. `sink` is called from the loop's callbacks and from every
    /// method below.
    ConnectionSet(const ConnectionLimits& limits, sys::EventLoop& loop, sys::FdTable& fds,
                  EventSink sink);
    ~ConnectionSet();
    ConnectionSet(const ConnectionSet&) = delete;
    ConnectionSet& operator=(const ConnectionSet&) = delete;

    /// → ClientConnected. Errors: the socket cannot be watched.
    Result<ClientId> add(UniqueFd socket, const PeerCredentials& peer);

    /// → ClientFrame for at most one frame of each client that has any.
    void collect_frames();
    /// Some client may have a further frame, without anything new to read.
    bool has_frames() const { return !ready_.empty(); }

    /// Queues a frame with the descriptors of `fds`, which are taken out of the table. A client
    /// that is gone is ignored. `flush` sends.
    void send(ClientId client, const Frame& frame, const std::vector<FdToken>& fds);
    /// Closes once the queue is written. → ClientGone
    void close(ClientId client);
    /// Sends what `send` has queued since the last time.
    void flush();

    /// For connections that come from now on.
    void set_limits(const ConnectionLimits& limits) { limits_ = limits; }
    /// Called whenever a connection has ended.
    void set_on_gone(std::function<void()> on_gone) { on_gone_ = std::move(on_gone); }

    std::size_t size() const { return entries_.size(); }

 private:
    struct Entry {
        std::unique_ptr<Connection> connection;
        std::uint32_t watched_events = 0;
        sys::TimerId timer{};
        std::optional<MonoTime> timer_due;
        bool is_ready = false;  // It stands in ready_.
    };

    void on_ready(ClientId client, std::uint32_t events);
    void on_timer(ClientId client);
    std::optional<Event> next_frame(Connection& connection);
    bool queue_if_ready(ClientId client, Entry& entry);
    void settle(ClientId client);
    void settle_timer(ClientId client, Entry& entry);
    void remove(ClientId client);

    ConnectionLimits limits_;
    sys::EventLoop& loop_;
    sys::FdTable& fds_;
    EventSink sink_;
    std::function<void()> on_gone_;
    std::unordered_map<ClientId, Entry> entries_;
    std::deque<ClientId> ready_;       // Whose turn it is, in this order.
    std::vector<ClientId> unflushed_;  // May name some twice or some that are gone.
    std::uint64_t last_client_ = 0;
};

}  // namespace shardrun::supervisor
