#pragma once

#include "policy/eviction/eviction_order.h"
#include "policy/eviction/ghost_list.h"
#include "policy/eviction/slot_list.h"

namespace shardrun::policy {

/// A small queue, a tenth of the bound, from which most objects go soon; a main queue for those
/// that were used more than once in the small one, and for those that are asked for again soon
/// after they went, which a list of as many ghosts as the main queue has room for tells. The main
/// queue gives an object as many further rounds as it was used since, 3 at most.
/// Source: Yang, Zhang, Qiu, Yue, Rashmi: FIFO Queues are All You Need for Cache Eviction, SOSP
/// 2023, algorithm 1.
class S3FifoOrder : public EvictionOrder {
 public:
    explicit S3FifoOrder(ObjectTable& objects)
        : objects_(objects), small_(objects), main_(objects) {}

    void on_bound(std::uint64_t bound) override;
    void on_arrival(const Newcomer& newcomer) override;
    void insert(Slot slot) override;
    void on_use(Slot slot) override;
    Slot take_victim(const Newcomer* newcomer, std::uint64_t need) override;
    void on_evicted(Slot slot) override;
    void put_back(Slot slot) override;
    void remove(Slot slot) override;

 private:
    enum Place : std::uint8_t { in_small, in_main };

    SlotList& list_of(Slot slot) { return objects_[slot].place == in_small ? small_ : main_; }
    void trim_ghosts();

    ObjectTable& objects_;
    SlotList small_;  ///< the latest in front, as in the other
    SlotList main_;
    GhostList ghosts_;
    std::uint64_t small_target_ = 0;
    std::uint64_t ghosts_max_ = 0;
    bool was_ghost_ = false;  ///< the newcomer
};

}  // namespace shardrun::policy
