#pragma once

#include "policy/eviction/eviction_order.h"
#include "policy/eviction/ghost_list.h"
#include "policy/eviction/slot_list.h"

namespace shardrun::policy {

/// Adaptive replacement: objects used once and objects used again in two LRU lists, with a share
/// of the bound for each that moves towards the list whose evicted objects are asked for again.
/// With sizes every count of the paper is a sum of charges, and a share moves by a multiple of the
/// charge of what is asked for; when each object counts 1, this is the paper's algorithm.
/// Source: Megiddo, Modha: ARC: A Self-Tuning, Low Overhead Replacement Cache, FAST 2003, figure 4.
class ArcOrder : public EvictionOrder {
 public:
    explicit ArcOrder(ObjectTable& objects) : objects_(objects), once_(objects), again_(objects) {}

    void on_bound(std::uint64_t bound) override;
    void on_arrival(const Newcomer& newcomer) override;
    void insert(Slot slot) override;
    void on_use(Slot slot) override;
    void on_first_use(Slot slot) override;
    Slot take_victim(const Newcomer* newcomer, std::uint64_t need) override;
    void on_evicted(Slot slot) override;
    void put_back(Slot slot) override;
    void remove(Slot slot) override;

 private:
    enum Place : std::uint8_t { in_once, in_again };
    /// Where the newcomer was remembered.
    enum class Memory { none, once, again };

    SlotList& list_of(Slot slot) { return objects_[slot].place == in_once ? once_ : again_; }
    void remember(const Newcomer& newcomer);
    void forget_for(std::uint64_t charge);

    ObjectTable& objects_;
    SlotList once_;          ///< T1 of the paper
    SlotList again_;         ///< T2
    GhostList once_gone_;    ///< B1
    GhostList again_gone_;   ///< B2
    double once_share_ = 0;  ///< p
    std::uint64_t bound_ = 0;
    Memory memory_ = Memory::none;
    bool is_remembered_ = true;  ///< whether the victim on its way becomes a ghost
};

}  // namespace shardrun::policy
