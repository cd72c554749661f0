#pragma once

#include <sys/epoll.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/fail.h"
#include "base/log.h"
#include "base/mono_time.h"
#include "shardrun/error.h"
#include "sys/event_loop.h"

namespace shardrun::trees {

/// A helper process that works off jobs, kept running, with somebody to be told of each job's end.
/// `Process` is StreamerProcess, or what looks like it.
template <class Process>
class KeptHelper {
 public:
    using Report =
        typename decltype(std::declval<Process&>().next_reports())::value_type::value_type;
    using JobId = decltype(Report::job);
    using OnEnd = std::function<void(const Report& report)>;

    struct Plan {
        std::string name;  ///< "the streamer"
        std::function<Result<Process>()> start;
        /// It ended and another is on its way; nobody hears of the jobs that were under way any
        /// more, and none of them writes.
        std::function<void()> on_lost;
        std::function<void()> on_replaced{};  ///< The other one runs.
    };
    /// `loop` outlives it.
    KeptHelper(sys::EventLoop& loop, Plan plan) : loop_(loop), plan_(std::move(plan)) {}
    ~KeptHelper() {
        loop_.cancel_timer(timer_);
        if (process_) loop_.forget(process_->fd());
    }
    KeptHelper(const KeptHelper&) = delete;
    KeptHelper& operator=(const KeptHelper&) = delete;

    /// Once.
    Result<void> start();

    /// `send` gives the process a new job of that number. Errors: its own, as EAGAIN when too many
    /// are under way; EPIPE while there is no process: `on_lost` was called, or is to be.
    template <class Send>
    Result<JobId> order(const Send& send, OnEnd on_end);
    /// Jobs that have ended already are fine.
    void promote(JobId job);
    void cancel(JobId job);
    /// The same, and nobody is told of its end.
    void forget(JobId job);

    /// None while it is being replaced.
    std::optional<pid_t> pid() const {
        return process_ ? std::optional(process_->pid()) : std::nullopt;
    }

 private:
    // One that dies at once, whatever the reason, must not keep us busy.
    static constexpr std::chrono::seconds kRestartPause{1};

    void restart();
    void on_ready();
    void follow_queue();
    void lose();

    sys::EventLoop& loop_;
    Plan plan_;
    std::optional<Process> process_;
    MonoTime started_at_;
    sys::TimerId timer_{};
    bool is_polled_for_room_ = false;
    std::uint64_t last_job_ = 0;
    std::unordered_map<std::uint64_t, OnEnd> jobs_;
};

template <class Process>
Result<void> KeptHelper<Process>::start() {
    SR_TRY(Process process, plan_.start());
    started_at_ = loop_.now();
    is_polled_for_room_ = false;
    process_.emplace(std::move(process));
    return loop_.watch(process_->fd(), EPOLLIN, [this](std::uint32_t) { on_ready(); });
}

template <class Process>
void KeptHelper<Process>::restart() {
    timer_ = {};
    if (const auto started = start(); !started) {
        log(LogLevel::error, "start {} again: {}", plan_.name, started.error().message);
        process_.reset();
        timer_ = loop_.set_timer(loop_.now() + kRestartPause, [this] { restart(); });
    } else if (plan_.on_replaced) {
        plan_.on_replaced();
    }
}

/// Whoever waits is told only when nothing of the old one can write any more.
template <class Process>
void KeptHelper<Process>::lose() {
    SR_ASSERT(process_.has_value());
    log(LogLevel::error, "{} ended unexpectedly; it is started again", plan_.name);
    loop_.forget(process_->fd());
    process_->end();
    process_.reset();
    jobs_.clear();
    const MonoTime due = std::max(loop_.now(), started_at_ + kRestartPause);
    timer_ = loop_.set_timer(due, [this] { restart(); });
    plan_.on_lost();
}

template <class Process>
void KeptHelper<Process>::on_ready() {
    SR_ASSERT(process_.has_value());
    auto reports = process_->next_reports();
    const auto flushed = process_->flush();
    if (!reports) return lose();
    for (const Report& report : *reports) {
        auto job = jobs_.extract(std::to_underlying(report.job));
        if (!job.empty()) job.mapped()(report);
    }
    if (!flushed && process_) return lose();
    follow_queue();
}

/// Orders that the socket had no room for go as soon as it has.
template <class Process>
void KeptHelper<Process>::follow_queue() {
    if (!process_ || process_->wants_to_send() == is_polled_for_room_) return;
    is_polled_for_room_ = !is_polled_for_room_;
    (void)loop_.change(process_->fd(), is_polled_for_room_ ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

template <class Process>
template <class Send>
auto KeptHelper<Process>::order(const Send& send, OnEnd on_end) -> Result<JobId> {
    if (!process_) return refuse(EPIPE, "{} is being started again", plan_.name);
    const JobId job{++last_job_};
    SR_DO(send(*process_, job));
    jobs_.emplace(std::to_underlying(job), std::move(on_end));
    follow_queue();
    return job;
}

// That the process is gone shows at its socket.
template <class Process>
void KeptHelper<Process>::promote(JobId job) {
    if (process_) (void)process_->promote(job);
    follow_queue();
}

template <class Process>
void KeptHelper<Process>::cancel(JobId job) {
    if (process_) (void)process_->cancel(job);
    follow_queue();
}

template <class Process>
void KeptHelper<Process>::forget(JobId job) {
    if (jobs_.erase(std::to_underlying(job)) != 0) cancel(job);
}

}  // namespace shardrun::trees
