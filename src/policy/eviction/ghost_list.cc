#include "policy/eviction/ghost_list.h"

#include <algorithm>

namespace shardrun::policy {

void GhostList::add(ObjectId id, std::uint64_t charge) {
    list_.push_front(objects_.add(id, std::max<std::uint64_t>(charge, 1)));
}

bool GhostList::remove(ObjectId id) {
    const Slot slot = objects_.find(id);
    if (slot == kNoSlot) return false;
    list_.unlink(slot);
    objects_.erase(slot);
    return true;
}

void GhostList::forget_oldest() {
    objects_.erase(list_.pop_back());
}

}  // namespace shardrun::policy
