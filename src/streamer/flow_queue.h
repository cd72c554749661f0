#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "streamer/flow.h"

namespace shardrun::streamer {

/// Flows that wait for somebody to move them, first come, first served. For several threads.
class FlowQueue {
 public:
    void push(std::unique_ptr<Flow> flow);
    /// The first, for whoever has `held` already; waits for one when that is 0. Null: the queue is
    /// closed, or there are no more than those who wait will take as many of.
    std::unique_ptr<Flow> pop(std::size_t held);
    /// That job's, if it still waits here.
    std::unique_ptr<Flow> take(JobId job);
    /// Nobody waits any more.
    void close();
    bool is_closed();

 private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::unique_ptr<Flow>> flows_;
    std::size_t waiting_ = 0;  // Threads in pop.
    bool is_closed_ = false;
};

}  // namespace shardrun::streamer
