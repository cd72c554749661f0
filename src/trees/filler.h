#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "shardrun/error.h"
#include "streamer/streamer_process.h"
#include "sys/event_loop.h"
#include "trees/kept_helper.h"

namespace shardrun::trees {

/// The streamer, kept running, with somebody to be told of each job's end.
class Filler {
 public:
    /// `on_lost`: the streamer ended and another is on its way; nobody hears of the jobs that were
    /// under way any more, and none of them writes. `loop` outlives it.
    static Result<std::unique_ptr<Filler>> start(const streamer::StreamerConfig& config,
                                                 sys::EventLoop& loop,
                                                 std::function<void()> on_lost);
    ~Filler() = default;
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
    void promote(streamer::JobId job) { helper_.promote(job); }
    void cancel(streamer::JobId job) { helper_.cancel(job); }
    /// The same, and nobody is told of its end.
    void forget(streamer::JobId job) { helper_.forget(job); }

    /// None while it is being replaced.
    std::optional<pid_t> pid() const { return helper_.pid(); }

 private:
    Filler(const streamer::StreamerConfig& config, sys::EventLoop& loop,
           std::function<void()> on_lost);

    KeptHelper<streamer::StreamerProcess> helper_;
};

}  // namespace shardrun::trees
