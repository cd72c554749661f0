#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/mono_time.h"
#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::sys {

/// A timer that was set; never reused. 0: none.
enum class TimerId : std::uint64_t {};

/// Waits for descriptors and timers and calls who asked. One thread; level-triggered; wakes for
/// nothing else. Callbacks may watch, change, forget, set and cancel anything, themselves included.
class EventLoop {
 public:
    /// `events`: the EPOLL… bits that are ready.
    using FdCallback = std::function<void(std::uint32_t events)>;
    using Callback = std::function<void()>;

    /// `clock` decides when timers are due and must outlive the loop. Errors: EMFILE.
    static Result<std::unique_ptr<EventLoop>> create(Clock& clock);

    /// Calls `callback` whenever one of `events` (EPOLLIN, EPOLLOUT; EPOLLHUP and EPOLLERR always)
    /// is ready on `fd`, until `forget`. The fd stays the caller's, who forgets it before closing
    /// it. Errors: EEXIST when it is watched already, EPERM when it cannot be polled.
    Result<void> watch(int fd, std::uint32_t events, FdCallback callback);

    /// Other events for a watched fd. With 0 not even EPOLLHUP is reported. Errors: ENOENT.
    Result<void> change(int fd, std::uint32_t events);

    /// No further call for `fd`, not even for events of the round that is being dispatched. An fd
    /// that is not watched is ignored.
    void forget(int fd);

    /// Calls `callback` once, when the clock shows `due` or later.
    TimerId set_timer(MonoTime due, Callback callback);

    /// A timer that has run, or was never set, is ignored.
    void cancel_timer(TimerId timer);

    /// `callback` runs at the end of each round, after descriptors and timers. At most one; empty:
    /// none.
    void set_round_end(Callback callback) { round_end_ = std::move(callback); }

    /// The next round end comes without waiting: somebody has work for it that no descriptor will
    /// announce. From within a round's callbacks that is this round's end.
    void hurry() { hurried_ = true; }
    bool is_hurried() const { return hurried_; }

    /// One round: waits until something is ready, a timer is due or `wait_max` is over (none:
    /// without limit), then calls who asked. Says how many callbacks of descriptors and timers ran.
    /// A signal handler's EINTR ends the wait with 0.
    Result<std::size_t> run_once(std::optional<std::chrono::nanoseconds> wait_max = std::nullopt);

    /// By `clock`; for those who have no clock of their own.
    MonoTime now() const { return clock_.now(); }

    std::size_t watched_count() const { return watches_.size(); }
    std::size_t timer_count() const { return timers_.size(); }

 private:
    struct Watch {
        std::uint32_t generation = 0;
        std::uint32_t events = 0;
        std::shared_ptr<FdCallback> callback;  // Shared: it may be forgotten while it runs.
    };
    using TimerKey = std::pair<MonoTime, std::uint64_t>;

    EventLoop(Clock& clock, UniqueFd epoll) : clock_(clock), epoll_(std::move(epoll)) {}

    Result<void> control(int operation, int fd, const Watch& watch);
    std::optional<std::chrono::nanoseconds> wait_for(
        std::optional<std::chrono::nanoseconds> wait_max);
    bool dispatch(const epoll_event& event);
    std::size_t run_timers();

    Clock& clock_;
    UniqueFd epoll_;
    std::unordered_map<int, Watch> watches_;
    std::map<TimerKey, Callback> timers_;
    std::unordered_map<std::uint64_t, MonoTime> timer_dues_;
    std::uint32_t last_generation_ = 0;
    std::uint64_t last_timer_ = 0;
    Callback round_end_;
    bool hurried_ = false;
};

}  // namespace shardrun::sys
