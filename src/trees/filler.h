#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/mono_time.h"
#include "shardrun/error.h"
#include "streamer/streamer_process.h"
#include "sys/event_loop.h"

namespace shardrun::trees {

/// The streamer, kept running, with somebody to be told of each job's end.
class Filler {
 public:
    /// `on_lost`: the streamer ended and another is on its way; nobody hears of the jobs that were
    /// under way any more, and none of them writes. `loop` outlives it.
    static Result<std::unique_ptr<Filler>> start(const streamer::StreamerConfig& config,
                                                 sys::EventLoop& loop,
                                                 std::function<void()> on_lost);
    ~Filler();
    Filler(const Filler&) = delete;
    Filler& operator=(const Filler&) = delete;

    struct Order {
        blob::Digest digest;
        std::uint64_t size_bytes = 0;
        streamer::Urgency urgency = streamer::Urgency::prefetch;
    };
    using OnEnd = std::function<void(const streamer::Report& report)>;
    /// Errors: EAGAIN when too many are under way; EPIPE while there is no streamer: `on_lost`
    /// was called, or is to be.
    Result<streamer::JobId> fill(const Order& order, sys::UniqueFd source,
                                 sys::UniqueFd destination, OnEnd on_end);
    /// Jobs that have ended already are fine.
    void promote(streamer::JobId job);
    void cancel(streamer::JobId job);
    /// The same, and nobody is told of its end.
    void forget(streamer::JobId job);

    /// None while it is being replaced.
    std::optional<pid_t> pid() const;

 private:
    Filler(streamer::StreamerConfig config, sys::EventLoop& loop, std::function<void()> on_lost)
        : config_(std::move(config)), loop_(loop), on_lost_(std::move(on_lost)) {}
    Result<void> start();
    void restart();
    void on_ready();
    void follow_queue();
    void lose(const char* why);

    streamer::StreamerConfig config_;
    sys::EventLoop& loop_;
    std::function<void()> on_lost_;
    std::optional<streamer::StreamerProcess> process_;
    MonoTime started_at_;
    sys::TimerId timer_{};
    bool is_polled_for_room_ = false;
    std::uint64_t last_job_ = 0;
    std::unordered_map<std::uint64_t, OnEnd> jobs_;
};

}  // namespace shardrun::trees
