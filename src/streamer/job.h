#pragma once

#include <atomic>
#include <chrono>
#include <memory>

#include "streamer/message.h"
#include "sys/unique_fd.h"

namespace shardrun::streamer {

/// What may be wished of a job while it runs, by another thread than the one that runs it.
struct Wishes {
    std::atomic<bool> is_cancelled{false};
    std::atomic<bool> is_promoted{false};
};

/// An order with its descriptors.
struct Job {
    FillOrder order;
    sys::UniqueFd source;
    sys::UniqueFd destination;
    std::shared_ptr<Wishes> wishes;
    std::chrono::steady_clock::time_point begun;
};

}  // namespace shardrun::streamer
