#include "sys/event_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

#include "base/fail.h"

namespace shardrun::sys {
namespace {

constexpr std::size_t kEventsPerRound = 64;  // The rest comes in the next round, oldest first.

// The generation tells an event of a forgotten fd from one of a new fd with the same number.
std::uint64_t pack(int fd, std::uint32_t generation) {
    return (std::uint64_t{generation} << 32U) | static_cast<std::uint32_t>(fd);
}

timespec to_timespec(std::chrono::nanoseconds wait) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wait);
    return {.tv_sec = seconds.count(), .tv_nsec = (wait - seconds).count()};
}

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::create(Clock& clock) {
    UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) return fail_errno("create event loop");
    return std::unique_ptr<EventLoop>(new EventLoop(clock, std::move(epoll)));
}

Result<void> EventLoop::control(int operation, int fd, const Watch& watch) {
    epoll_event event{};
    event.events = watch.events;
    event.data.u64 = pack(fd, watch.generation);
    if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0)
        return fail_errno("watch descriptor {}", fd);
    return {};
}

Result<void> EventLoop::watch(int fd, std::uint32_t events, FdCallback callback) {
    if (watches_.contains(fd)) return fail(EEXIST, "watch descriptor {}", fd);
    Watch watch{++last_generation_, events, std::make_shared<FdCallback>(std::move(callback))};
    if (events != 0) SR_DO(control(EPOLL_CTL_ADD, fd, watch));
    watches_.emplace(fd, std::move(watch));
    return {};
}

Result<void> EventLoop::change(int fd, std::uint32_t events) {
    const auto found = watches_.find(fd);
    if (found == watches_.end()) return fail(ENOENT, "change watched descriptor {}", fd);
    Watch& watch = found->second;
    if (watch.events == events) return {};
    const std::uint32_t before = std::exchange(watch.events, events);
    // An empty set still reports EPOLLHUP, again and again; so the fd leaves epoll altogether.
    if (events == 0) return control(EPOLL_CTL_DEL, fd, watch);
    return control(before == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, watch);
}

void EventLoop::forget(int fd) {
    const auto found = watches_.find(fd);
    if (found == watches_.end()) return;
    // Fails only when the fd was closed before, and then epoll has forgotten it by itself.
    if (found->second.events != 0) (void)control(EPOLL_CTL_DEL, fd, found->second);
    watches_.erase(found);
}

TimerId EventLoop::set_timer(MonoTime due, Callback callback) {
    const std::uint64_t id = ++last_timer_;
    timers_.emplace(TimerKey{due, id}, std::move(callback));
    timer_dues_.emplace(id, due);
    return TimerId{id};
}

void EventLoop::cancel_timer(TimerId timer) {
    const auto found = timer_dues_.find(std::to_underlying(timer));
    if (found == timer_dues_.end()) return;
    timers_.erase(TimerKey{found->second, found->first});
    timer_dues_.erase(found);
}

std::optional<std::chrono::nanoseconds> EventLoop::wait_for(
    std::optional<std::chrono::nanoseconds> wait_max) {
    constexpr std::chrono::nanoseconds kNone{0};
    if (hurried_) return kNone;
    std::optional<std::chrono::nanoseconds> wait = wait_max;
    if (!timers_.empty()) {
        const auto until_due = timers_.begin()->first.first - clock_.now();
        wait = wait ? std::min(*wait, until_due) : until_due;
    }
    return wait ? std::optional(std::max(*wait, kNone)) : std::nullopt;
}

bool EventLoop::dispatch(const epoll_event& event) {
    const auto fd = static_cast<int>(event.data.u64 & 0xffffffffU);
    const auto found = watches_.find(fd);
    if (found == watches_.end()) return false;
    if (pack(fd, found->second.generation) != event.data.u64) return false;
    // An earlier callback of this round may have paused it.
    if (found->second.events == 0) return false;
    const std::shared_ptr<FdCallback> callback = found->second.callback;
    (*callback)(event.events);
    return true;
}

std::size_t EventLoop::run_timers() {
    if (timers_.empty()) return 0;
    const MonoTime now = clock_.now();
    const std::uint64_t last = last_timer_;  // What is set from now on waits for the next round.
    std::size_t count = 0;
    for (auto next = timers_.begin(); next != timers_.end() && next->first.first <= now;) {
        if (next->first.second > last) {
            ++next;
            continue;
        }
        const Callback callback = std::move(next->second);
        timer_dues_.erase(next->first.second);
        timers_.erase(next);
        callback();
        ++count;
        next = timers_.begin();  // The callback may have cancelled any of the others.
    }
    return count;
}

Result<std::size_t> EventLoop::run_once(std::optional<std::chrono::nanoseconds> wait_max) {
    const auto wait = wait_for(wait_max);
    const timespec limit = to_timespec(wait.value_or(std::chrono::nanoseconds{0}));
    std::array<epoll_event, kEventsPerRound> events{};
    const int ready = ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                     wait ? &limit : nullptr, nullptr);
    if (ready < 0 && errno != EINTR) return fail_errno("wait for events");
    std::size_t count = 0;
    for (int i = 0; i < ready; ++i)
        if (dispatch(events[static_cast<std::size_t>(i)])) ++count;
    count += run_timers();
    hurried_ = false;
    if (round_end_) round_end_();
    return count;
}

}  // namespace shardrun::sys
