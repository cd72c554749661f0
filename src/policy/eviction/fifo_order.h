#pragma once

#include "policy/eviction/eviction_order.h"
#include "policy/eviction/slot_list.h"

namespace shardrun::policy {

/// The one that came first goes first, used or not.
class FifoOrder : public EvictionOrder {
 public:
    explicit FifoOrder(ObjectTable& objects) : list_(objects) {}

    void insert(Slot slot) override { list_.push_front(slot); }
    void on_use(Slot slot) override { (void)slot; }
    Slot take_victim(const Newcomer* /*newcomer*/, std::uint64_t /*need*/) override {
        return list_.pop_back();
    }
    void put_back(Slot slot) override { list_.push_back(slot); }
    void remove(Slot slot) override { list_.unlink(slot); }

 private:
    SlotList list_;
};

}  // namespace shardrun::policy
