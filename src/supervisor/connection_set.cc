#include "supervisor/connection_set.h"

#include <sys/epoll.h>

#include <utility>

#include "base/fail.h"
#include "base/log.h"

namespace shardrun::supervisor {

ConnectionSet::ConnectionSet(const ConnectionLimits& limits, sys::EventLoop& loop,
                             sys::FdTable& fds, EventSink sink)
    : limits_(limits), loop_(loop), fds_(fds), sink_(std::move(sink)) {}

ConnectionSet::~ConnectionSet() {
    for (const auto& [client, entry] : entries_) {
        loop_.cancel_timer(entry.timer);
        loop_.forget(entry.connection->fd());
    }
}

Result<ClientId> ConnectionSet::add(UniqueFd socket, const PeerCredentials& peer) {
    const ClientId client{++last_client_};
    const int fd = socket.get();
    auto connection = std::make_unique<Connection>(client, peer, std::move(socket), limits_);
    const std::uint32_t wanted = connection->wanted_events();
    SR_DO(loop_.watch(fd, wanted,
                      [this, client](std::uint32_t events) { on_ready(client, events); }));
    entries_.emplace(client, Entry{std::move(connection), wanted, {}, {}, false});
    sink_(ClientConnected{client, peer});
    return client;
}

void ConnectionSet::on_ready(ClientId client, std::uint32_t events) {
    const auto found = entries_.find(client);
    if (found == entries_.end()) return;
    Entry& entry = found->second;
    entry.connection->on_ready(events, loop_.now());
    // Its turn comes at the end of this round; only then is it known what to wait for next.
    if (!entry.connection->is_closed() && queue_if_ready(client, entry)) return;
    settle(client);
}

/// True when it has a frame, and its turn will come.
bool ConnectionSet::queue_if_ready(ClientId client, Entry& entry) {
    if (!entry.is_ready && entry.connection->has_frames()) {
        entry.is_ready = true;
        ready_.push_back(client);
    }
    return entry.is_ready;
}

void ConnectionSet::on_timer(ClientId client) {
    const auto found = entries_.find(client);
    if (found == entries_.end()) return;
    found->second.timer_due.reset();
    found->second.connection->on_deadline(loop_.now());
    settle(client);
}

std::optional<Event> ConnectionSet::next_frame(Connection& connection) {
    auto received = connection.next_frame(loop_.now());
    if (!received) return std::nullopt;
    ClientFrame event{connection.id(), std::move(received->frame), {}};
    for (UniqueFd& fd : received->fds) event.fds.push_back(fds_.insert(std::move(fd)));
    return event;
}

void ConnectionSet::collect_frames() {
    for (std::size_t turns = ready_.size(); turns > 0; --turns) {
        const ClientId client = ready_.front();
        ready_.pop_front();
        const auto found = entries_.find(client);
        if (found == entries_.end()) continue;
        found->second.is_ready = false;
        if (auto event = next_frame(*found->second.connection)) sink_(*std::move(event));
        settle(client);  // Goes to the end of the queue if it has more.
    }
}

void ConnectionSet::send(ClientId client, const Frame& frame, const std::vector<FdToken>& fds) {
    std::vector<UniqueFd> taken;
    taken.reserve(fds.size());
    for (const FdToken token : fds) taken.push_back(fds_.take(token));
    const auto found = entries_.find(client);
    if (found == entries_.end()) return;
    found->second.connection->send(frame, std::move(taken), loop_.now());
    unflushed_.push_back(client);
}

void ConnectionSet::close(ClientId client) {
    const auto found = entries_.find(client);
    if (found == entries_.end()) return;
    found->second.connection->close_after_queue(loop_.now());
    settle(client);
}

void ConnectionSet::flush() {
    for (const ClientId client : std::exchange(unflushed_, {})) {
        const auto found = entries_.find(client);
        if (found == entries_.end()) continue;
        found->second.connection->flush(loop_.now());
        settle(client);
    }
}

// Brings the loop into line with what the connection wants now.
void ConnectionSet::settle(ClientId client) {
    const auto found = entries_.find(client);
    if (found == entries_.end()) return;
    Entry& entry = found->second;
    if (entry.connection->is_closed()) return remove(client);
    (void)queue_if_ready(client, entry);
    settle_timer(client, entry);
    const std::uint32_t wanted = entry.connection->wanted_events();
    if (wanted == entry.watched_events) return;
    entry.watched_events = wanted;
    if (const auto changed = loop_.change(entry.connection->fd(), wanted); !changed) {
        log(LogLevel::error, "client {}: {}; closing", std::to_underlying(client),
            changed.error().message);
        remove(client);
    }
}

// A timer that fires early is set again then; so one that moves on, as it does with every byte of a
// slow reader, costs nothing until then.
void ConnectionSet::settle_timer(ClientId client, Entry& entry) {
    const std::optional<MonoTime> due = entry.connection->deadline();
    if (due && entry.timer_due && *entry.timer_due <= *due) return;
    if (!due && !entry.timer_due) return;
    loop_.cancel_timer(entry.timer);
    entry.timer_due = due;
    if (due) entry.timer = loop_.set_timer(*due, [this, client] { on_timer(client); });
}

void ConnectionSet::remove(ClientId client) {
    const auto found = entries_.find(client);
    loop_.cancel_timer(found->second.timer);
    loop_.forget(found->second.connection->fd());
    entries_.erase(found);
    sink_(ClientGone{client});
    if (on_gone_) on_gone_();
}

}  // namespace shardrun::supervisor
