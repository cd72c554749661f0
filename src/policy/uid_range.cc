#include "policy/uid_range.h"

#include <utility>

#include "base/fail.h"

namespace shardrun::policy {

UidRange::UidRange(uid_t first, std::uint32_t count) : first_(first), count_(count) {}

std::optional<uid_t> UidRange::take() {
    while (fresh_ < count_) {
        const uid_t uid = first_ + fresh_++;
        // After a change of range a "fresh" one may be known already.
        if (taken_.contains(uid) || rested_.erase(uid) == 1) continue;
        taken_.insert(uid);
        return uid;
    }
    if (free_.empty()) return std::nullopt;
    const uid_t uid = free_.front();
    free_.pop_front();
    rested_.erase(uid);
    taken_.insert(uid);
    return uid;
}

void UidRange::give_back(uid_t uid) {
    SR_ASSERT(taken_.erase(uid) == 1);
    if (!is_in_range(uid)) return;
    free_.push_back(uid);
    if (uid - first_ >= fresh_) rested_.insert(uid);
}

void UidRange::change(uid_t first, std::uint32_t count) {
    if (first == first_ && count == count_) return;
    first_ = first;
    count_ = count;
    fresh_ = 0;
    std::erase_if(free_, [this](uid_t uid) { return !is_in_range(uid); });
    rested_ = {free_.begin(), free_.end()};
}

}  // namespace shardrun::policy
