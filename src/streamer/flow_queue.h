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
    /// The first; waits for one when `is_waiting`. Null: there is none, or the queue is closed.
    std::unique_ptr<Flow> pop(bool is_waiting);
    /// That job's, if it still waits here.
    std::unique_ptr<Flow> take(JobId job);
    /// Nobody waits any more.
    void close();
    bool is_closed();

 private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::unique_ptr<Flow>> flows_;
    bool is_closed_ = false;
};

}  // namespace shardrun::streamer
