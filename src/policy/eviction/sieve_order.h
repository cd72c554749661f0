#pragma once

#include "policy/eviction/eviction_order.h"
#include "policy/eviction/slot_list.h"

namespace shardrun::policy {

/// A queue by arrival with a hand that moves from old to new, spares what was used since it last
/// came by, and takes what was not; the spared ones stay where they are.
/// Source: Zhang, Yang, Yue, Vigfusson, Rashmi: SIEVE is Simpler than LRU, NSDI 2024.
class SieveOrder : public EvictionOrder {
 public:
    explicit SieveOrder(ObjectTable& objects) : objects_(objects), list_(objects) {}

    void insert(Slot slot) override;
    void on_use(Slot slot) override;
    Slot take_victim(const Newcomer* newcomer, std::uint64_t need) override;
    void put_back(Slot slot) override;
    void remove(Slot slot) override;

 private:
    ObjectTable& objects_;  ///< `uses` is 1 for one that was used, else 0
    SlotList list_;         ///< the latest in front
    Slot hand_ = kNoSlot;   ///< the next to look at; kNoSlot: the oldest
};

}  // namespace shardrun::policy
