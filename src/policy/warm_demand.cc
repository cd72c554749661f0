#include "policy/warm_demand.h"

#include <algorithm>

namespace shardrun::policy {

void WarmDemand::count(std::int64_t bucket) {
    if (bucket != bucket_) {
        in_bucket_before_ = bucket == bucket_ + 1 ? in_bucket_ : 0;
        in_bucket_ = 0;
        bucket_ = bucket;
    }
    ++in_bucket_;
}

void WarmDemand::on_wish(MonoTime now) {
    if (generation_ <= std::chrono::nanoseconds::zero()) return;
    count(now.time_since_epoch() / kBucket);
    const std::int64_t generation = generation_of(now);
    Peak& peak = peaks_.at(static_cast<std::size_t>(generation % kGenerations));
    if (peak.generation != generation) peak = Peak{generation, 0};
    peak.burst = std::max(peak.burst, in_bucket_ + in_bucket_before_);
}

std::uint32_t WarmDemand::wanted(MonoTime now) const {
    if (generation_ <= std::chrono::nanoseconds::zero()) return 0;
    const std::int64_t generation = generation_of(now);
    std::uint32_t most = 0;
    for (const Peak& peak : peaks_)
        if (is_remembered(peak, generation)) most = std::max(most, peak.burst);
    return most;
}

std::optional<MonoTime> WarmDemand::next_change(MonoTime now) const {
    if (generation_ <= std::chrono::nanoseconds::zero()) return std::nullopt;
    const std::int64_t generation = generation_of(now);
    std::optional<std::int64_t> oldest;
    for (const Peak& peak : peaks_)
        if (is_remembered(peak, generation))
            oldest = std::min(oldest.value_or(peak.generation), peak.generation);
    if (!oldest) return std::nullopt;
    return MonoTime(generation_ * (*oldest + kGenerations));
}

std::vector<std::uint32_t> share_pool(const std::vector<std::uint32_t>& wanted,
                                      std::uint32_t bound) {
    std::vector<std::uint32_t> shares(wanted.size(), 0);
    for (bool gave = true; gave && bound > 0;) {
        gave = false;
        for (std::size_t kind = 0; kind < wanted.size() && bound > 0; ++kind) {
            if (shares[kind] >= wanted[kind]) continue;
            ++shares[kind];
            --bound;
            gave = true;
        }
    }
    return shares;
}

}  // namespace shardrun::policy
