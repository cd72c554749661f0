#include "policy/eviction/cache.h"

#include <algorithm>
#include <utility>

#include "base/fail.h"

namespace shardrun::policy {

Cache::Cache(EvictionPolicy policy, CacheBound bound)
    : bound_(bound), order_(make_eviction_order(policy, objects_)) {
    order_->on_bound(bound_.amount);
}

std::uint64_t Cache::charge_of(std::uint64_t size_bytes) const {
    return bound_.unit == CacheBound::Unit::objects ? 1 : size_bytes;
}

Access Cache::access(ObjectId id, std::uint64_t size_bytes) {
    evicted_.clear();
    if (const Slot slot = objects_.find(id); slot != kNoSlot) {
        use(slot);
        return Access::hit;
    }
    return bring_in({id, charge_of(size_bytes), true}) ? Access::miss : Access::miss_refused;
}

bool Cache::insert(ObjectId id, std::uint64_t size_bytes) {
    evicted_.clear();
    return contains(id) || bring_in({id, charge_of(size_bytes), false});
}

void Cache::use(Slot slot) {
    ObjectTable::Object& object = objects_[slot];
    if (object.is_aside)
        object.is_used_aside = true;  // Its order hears of it when it is back.
    else if (object.is_used)
        order_->on_use(slot);
    else
        order_->on_first_use(slot);
    object.is_used = true;
}

bool Cache::bring_in(const Newcomer& newcomer) {
    // Asked before anything is evicted: what cannot come in must not cost others their place.
    if (newcomer.charge > bound_.amount - std::min(bound_.amount, pinned_)) return false;
    order_->on_arrival(newcomer);
    if (!make_room(newcomer)) return false;
    const Slot slot = objects_.add(newcomer.id, newcomer.charge);
    objects_[slot].is_used = newcomer.is_asked;
    used_ += newcomer.charge;
    order_->insert(slot);
    return true;
}

bool Cache::make_room(const Newcomer& newcomer) {
    while (newcomer.charge > bound_.amount - std::min(bound_.amount, used_))
        if (!evict_one(&newcomer, newcomer.charge - (bound_.amount - used_))) return false;
    return true;
}

/// Gives back what is above the bound, as far as it is not pinned.
void Cache::shrink() {
    while (used_ > std::max(bound_.amount, pinned_))
        (void)evict_one(nullptr, used_ - bound_.amount);
}

/// False when the order rather refuses the newcomer. Whoever calls this has made sure that there
/// is an object which is not pinned; those that are and would go are set aside until they are let
/// go, so that each is met once and no search begins with them again.
bool Cache::evict_one(const Newcomer* newcomer, std::uint64_t need) {
    while (true) {
        const Slot slot = order_->take_victim(newcomer, need);
        if (slot == kNoSlot) return false;
        ObjectTable::Object& object = objects_[slot];
        if (object.pins > 0) {
            object.is_aside = true;
            continue;
        }
        order_->on_evicted(slot);
        evicted_.push_back({object.id, object.is_used});
        used_ -= object.charge;
        objects_.erase(slot);
        return true;
    }
}

bool Cache::remove(ObjectId id) {
    evicted_.clear();
    const Slot slot = objects_.find(id);
    if (slot == kNoSlot || objects_[slot].pins > 0) return false;
    order_->remove(slot);
    used_ -= objects_[slot].charge;
    objects_.erase(slot);
    return true;
}

bool Cache::pin(ObjectId id) {
    evicted_.clear();
    const Slot slot = objects_.find(id);
    if (slot == kNoSlot) return false;
    if (objects_[slot].pins++ == 0) pinned_ += objects_[slot].charge;
    return true;
}

void Cache::unpin(ObjectId id) {
    evicted_.clear();
    const Slot slot = objects_.find(id);
    SR_ASSERT(slot != kNoSlot && objects_[slot].pins > 0);
    ObjectTable::Object& object = objects_[slot];
    if (--object.pins > 0) return;
    pinned_ -= object.charge;
    if (object.is_aside) {
        object.is_aside = false;
        order_->put_back(slot);
        if (std::exchange(object.is_used_aside, false)) order_->on_use(slot);
    }
    shrink();
}

void Cache::resize(std::uint64_t amount) {
    evicted_.clear();
    bound_.amount = amount;
    order_->on_bound(amount);
    shrink();
}

}  // namespace shardrun::policy
