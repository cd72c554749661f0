#include "streamer/flow_queue.h"

#include <algorithm>
#include <utility>

namespace shardrun::streamer {

void FlowQueue::push(std::unique_ptr<Flow> flow) {
    {
        const std::lock_guard lock(mutex_);
        flows_.push_back(std::move(flow));
    }
    changed_.notify_one();
}

std::unique_ptr<Flow> FlowQueue::pop(std::size_t held) {
    std::unique_lock lock(mutex_);
    if (held == 0) {
        ++waiting_;
        changed_.wait(lock, [this] { return is_closed_ || !flows_.empty(); });
        --waiting_;
    }
    if (is_closed_ || flows_.empty() || flows_.size() <= waiting_ * held) return nullptr;
    std::unique_ptr<Flow> flow = std::move(flows_.front());
    flows_.pop_front();
    return flow;
}

std::unique_ptr<Flow> FlowQueue::take(JobId job) {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::ranges::find_if(flows_, [&](const auto& flow) { return flow->job() == job; });
    if (found == flows_.end()) return nullptr;
    std::unique_ptr<Flow> flow = std::move(*found);
    flows_.erase(found);
    return flow;
}

void FlowQueue::close() {
    {
        const std::lock_guard lock(mutex_);
        is_closed_ = true;
    }
    changed_.notify_all();
}

bool FlowQueue::is_closed() {
    const std::lock_guard lock(mutex_);
    return is_closed_;
}

}  // namespace shardrun::streamer
