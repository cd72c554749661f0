#include "trees/filler.h"

#include <sys/epoll.h>

#include <utility>

#include "base/fail.h"
#include "base/log.h"

namespace shardrun::trees {
namespace {

// One that dies at once, whatever the reason, must not keep us busy.
constexpr std::chrono::seconds kRestartPause{1};

}  // namespace

Result<std::unique_ptr<Filler>> Filler::start(const streamer::StreamerConfig& config,
                                              sys::EventLoop& loop, std::function<void()> on_lost) {
    std::unique_ptr<Filler> filler(new Filler(config, loop, std::move(on_lost)));
    SR_DO(filler->start());
    return filler;
}

Filler::~Filler() {
    loop_.cancel_timer(timer_);
    if (process_) loop_.forget(process_->fd());
}

Result<void> Filler::start() {
    SR_TRY(streamer::StreamerProcess process, streamer::StreamerProcess::start(config_));
    started_at_ = loop_.now();
    is_polled_for_room_ = false;
    process_.emplace(std::move(process));
    return loop_.watch(process_->fd(), EPOLLIN, [this](std::uint32_t) { on_ready(); });
}

void Filler::restart() {
    timer_ = {};
    const auto started = start();
    if (started) return;
    log(LogLevel::error, "start the streamer again: {}", started.error().message);
    process_.reset();
    timer_ = loop_.set_timer(loop_.now() + kRestartPause, [this] { restart(); });
}

/// Whoever waits is told only when nothing of the old one can write any more.
void Filler::lose(const char* why) {
    SR_ASSERT(process_.has_value());
    log(LogLevel::error, "the streamer {}; it is started again", why);
    loop_.forget(process_->fd());
    process_->end();
    process_.reset();
    jobs_.clear();
    const MonoTime due = std::max(loop_.now(), started_at_ + kRestartPause);
    timer_ = loop_.set_timer(due, [this] { restart(); });
    on_lost_();
}

void Filler::on_ready() {
    SR_ASSERT(process_.has_value());
    auto reports = process_->next_reports();
    const auto flushed = process_->flush();
    if (!reports) return lose("ended unexpectedly");
    for (const streamer::Report& report : *reports) {
        auto job = jobs_.extract(std::to_underlying(report.job));
        if (!job.empty()) job.mapped()(report);
    }
    if (!flushed && process_) return lose("ended unexpectedly");
    follow_queue();
}

/// Orders that the socket had no room for go as soon as it has.
void Filler::follow_queue() {
    if (!process_ || process_->wants_to_send() == is_polled_for_room_) return;
    is_polled_for_room_ = !is_polled_for_room_;
    (void)loop_.change(process_->fd(), is_polled_for_room_ ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

Result<streamer::JobId> Filler::fill(const Order& order, sys::UniqueFd source,
                                     sys::UniqueFd destination, OnEnd on_end) {
    if (!process_) return refuse(EPIPE, "the streamer is being started again");
    const streamer::JobId job{++last_job_};
    SR_DO(process_->fill({job, order.size_bytes, order.digest, order.urgency}, std::move(source),
                         std::move(destination)));
    jobs_.emplace(std::to_underlying(job), std::move(on_end));
    follow_queue();
    return job;
}

// That the streamer is gone shows at its socket.
void Filler::promote(streamer::JobId job) {
    if (process_) (void)process_->promote(job);
    follow_queue();
}

void Filler::cancel(streamer::JobId job) {
    if (process_) (void)process_->cancel(job);
    follow_queue();
}

void Filler::forget(streamer::JobId job) {
    if (jobs_.erase(std::to_underlying(job)) != 0) cancel(job);
}

std::optional<pid_t> Filler::pid() const {
    return process_ ? std::optional(process_->pid()) : std::nullopt;
}

}  // namespace shardrun::trees
