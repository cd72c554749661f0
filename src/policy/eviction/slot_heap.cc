#include "policy/eviction/slot_heap.h"

#include "base/fail.h"

namespace shardrun::policy {

void SlotHeap::put(std::size_t position, const Item& item) {
    items_[position] = item;
    positions_[item.slot] = position;
}

void SlotHeap::rise(std::size_t position, const Item& item) {
    while (position > 0) {
        const std::size_t parent = (position - 1) / 2;
        if (!(item < items_[parent])) break;
        put(position, items_[parent]);
        position = parent;
    }
    put(position, item);
}

void SlotHeap::sink(std::size_t position, const Item& item) {
    while (true) {
        std::size_t child = 2 * position + 1;
        if (child >= items_.size()) break;
        if (child + 1 < items_.size() && items_[child + 1] < items_[child]) ++child;
        if (!(items_[child] < item)) break;
        put(position, items_[child]);
        position = child;
    }
    put(position, item);
}

void SlotHeap::push(Slot slot, double priority) {
    if (slot >= positions_.size()) positions_.resize(std::size_t{slot} + 1);
    add({priority, sequence_++, slot});
}

void SlotHeap::add(const Item& item) {
    items_.emplace_back();
    rise(items_.size() - 1, item);
}

void SlotHeap::set(Slot slot, double priority) {
    const std::size_t position = positions_[slot];
    const Item item{priority, sequence_++, slot};
    if (item < items_[position])
        rise(position, item);
    else
        sink(position, item);
}

void SlotHeap::remove(Slot slot) {
    const std::size_t position = positions_[slot];
    const Item last = items_.back();
    items_.pop_back();
    if (position == items_.size()) return;
    if (last < items_[position])
        rise(position, last);
    else
        sink(position, last);
}

Slot SlotHeap::pop() {
    SR_ASSERT(!items_.empty());
    const Slot slot = items_.front().slot;
    remove(slot);
    return slot;
}

}  // namespace shardrun::policy
