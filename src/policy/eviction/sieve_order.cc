#include "policy/eviction/sieve_order.h"

#include "base/fail.h"

namespace shardrun::policy {

void SieveOrder::insert(Slot slot) {
    objects_[slot].uses = 0;
    list_.push_front(slot);
}

void SieveOrder::on_use(Slot slot) {
    objects_[slot].uses = 1;
}

Slot SieveOrder::take_victim(const Newcomer* /*newcomer*/, std::uint64_t /*need*/) {
    Slot slot = hand_ == kNoSlot ? list_.back() : hand_;
    SR_ASSERT(slot != kNoSlot);
    while (objects_[slot].uses > 0) {
        objects_[slot].uses = 0;
        slot = objects_[slot].before == kNoSlot ? list_.back() : objects_[slot].before;
    }
    remove(slot);
    hand_ = objects_[slot].before;
    return slot;
}

void SieveOrder::put_back(Slot slot) {
    list_.push_back(slot);
}

void SieveOrder::remove(Slot slot) {
    if (hand_ == slot) hand_ = objects_[slot].before;
    list_.unlink(slot);
}

}  // namespace shardrun::policy
