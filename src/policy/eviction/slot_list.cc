#include "policy/eviction/slot_list.h"

#include "base/fail.h"

namespace shardrun::policy {

void SlotList::push_front(Slot slot) {
    ObjectTable::Object& object = objects_[slot];
    object.before = kNoSlot;
    object.after = front_;
    (front_ == kNoSlot ? back_ : objects_[front_].before) = slot;
    front_ = slot;
    charge_ += object.charge;
}

void SlotList::push_back(Slot slot) {
    ObjectTable::Object& object = objects_[slot];
    object.before = back_;
    object.after = kNoSlot;
    (back_ == kNoSlot ? front_ : objects_[back_].after) = slot;
    back_ = slot;
    charge_ += object.charge;
}

void SlotList::unlink(Slot slot) {
    const ObjectTable::Object& object = objects_[slot];
    (object.before == kNoSlot ? front_ : objects_[object.before].after) = object.after;
    (object.after == kNoSlot ? back_ : objects_[object.after].before) = object.before;
    charge_ -= object.charge;
}

void SlotList::move_to_front(Slot slot) {
    if (slot == front_) return;
    unlink(slot);
    push_front(slot);
}

Slot SlotList::pop_back() {
    SR_ASSERT(back_ != kNoSlot);
    const Slot slot = back_;
    unlink(slot);
    return slot;
}

}  // namespace shardrun::policy
