#include "fetcher/transfer_slots.h"

namespace shardrun::fetcher {

void TransferSlots::add(JobId job, Urgency urgency) {
    (urgency == Urgency::demand ? demands_ : prefetches_).push_back(job);
}

void TransferSlots::promote(JobId job) {
    if (std::erase(prefetches_, job) > 0) demands_.push_back(job);
    const auto found = running_.find(job);
    if (found == running_.end() || found->second == Urgency::demand) return;
    found->second = Urgency::demand;
    --running_prefetches_;
}

void TransferSlots::remove(JobId job) {
    std::erase(demands_, job);
    std::erase(prefetches_, job);
    const auto found = running_.find(job);
    if (found == running_.end()) return;
    if (found->second == Urgency::prefetch) --running_prefetches_;
    running_.erase(found);
}

std::optional<JobId> TransferSlots::take() {
    if (running_.size() >= slots_) return std::nullopt;
    if (!demands_.empty()) return take_from(demands_, Urgency::demand);
    if (prefetches_.empty() || running_prefetches_ >= prefetch_slots_) return std::nullopt;
    ++running_prefetches_;
    return take_from(prefetches_, Urgency::prefetch);
}

std::optional<JobId> TransferSlots::take_from(std::deque<JobId>& queue, Urgency urgency) {
    const JobId job = queue.front();
    queue.pop_front();
    running_[job] = urgency;
    return job;
}

}  // namespace shardrun::fetcher
