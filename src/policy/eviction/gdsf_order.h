#pragma once

#include "policy/eviction/eviction_order.h"
#include "policy/eviction/slot_heap.h"

namespace shardrun::policy {

/// Greedy dual size frequency: the lowest of clock + uses / size goes first, where the clock is
/// read when an object comes or is used. So several small objects are worth more than a large one,
/// often used ones more than others, and what is not used any more grows old. Every object costs
/// the same to bring back; uses are lost when an object goes. O(log n).
///
/// A newcomer that is worth less than one of those that would have to go for it does not come in,
/// and nothing goes for it. The clock becomes what the last one was worth that went or was turned
/// away: without the latter a cache of often used objects would never let anything in again.
///
/// Source: Cherkasova: Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching
/// Policy, HP Labs 98-69R1, 1998.
class GdsfOrder : public EvictionOrder {
 public:
    explicit GdsfOrder(ObjectTable& objects) : objects_(objects) {}

    void insert(Slot slot) override;
    void on_use(Slot slot) override;
    void on_first_use(Slot slot) override;
    Slot take_victim(const Newcomer* newcomer, std::uint64_t need) override;
    void put_back(Slot slot) override;
    void remove(Slot slot) override;

 private:
    double worth(std::uint32_t uses, std::uint64_t charge) const;
    bool may_enter(const Newcomer& newcomer, std::uint64_t need);

    ObjectTable& objects_;
    SlotHeap heap_;  ///< by what they are worth
    double clock_ = 0;
};

}  // namespace shardrun::policy
