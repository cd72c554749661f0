#pragma once

#include "policy/eviction/eviction_order.h"
#include "policy/eviction/frequency_sketch.h"
#include "policy/eviction/slot_list.h"
#include "policy/eviction/window_climber.h"

namespace shardrun::policy {

/// A window in LRU order for what is new, and a main part in segmented LRU order (on probation;
/// protected after a use, four fifths of it). What leaves the window, or does not fit into it,
/// comes into the main part only when it was asked for more often lately than those together that
/// would have to go for it; of these each counts once at least, which bounds the comparison. The
/// window's share follows the hit ratio.
/// Source: Einziger, Friedman, Manes: TinyLFU, ACM ToS 2017; Einziger, Eytan, Friedman, Manes:
/// Adaptive Software Cache Management, Middleware 2018; the same: Lightweight Robust Size Aware
/// Cache Management, ACM ToS 2022 (aggregated victims).
class WTinyLfuOrder : public EvictionOrder {
 public:
    explicit WTinyLfuOrder(ObjectTable& objects)
        : objects_(objects), window_(objects), probation_(objects), protected_(objects) {}

    void on_bound(std::uint64_t bound) override;
    void on_arrival(const Newcomer& newcomer) override;
    void insert(Slot slot) override;
    void on_use(Slot slot) override;
    void on_first_use(Slot slot) override;
    Slot take_victim(const Newcomer* newcomer, std::uint64_t need) override;
    void put_back(Slot slot) override;
    void remove(Slot slot) override;

 private:
    enum Place : std::uint8_t { in_window, in_probation, in_protected };

    SlotList& list_of(Slot slot);
    void move(Slot slot, Place place);
    void count(ObjectId id, bool is_hit);
    void divide(std::uint64_t window_max);
    /// Whether it is worth more than those of the main part that would free `need`.
    bool may_enter(ObjectId id, std::uint64_t need) const;
    Slot next_in_main(Slot slot) const;
    Slot take_from_main();

    ObjectTable& objects_;
    SlotList window_;  ///< the latest used in front, as in the others
    SlotList probation_;
    SlotList protected_;
    FrequencySketch sketch_;
    WindowClimber climber_;
    std::uint64_t bound_ = 0;
    std::uint64_t window_max_ = 0;
    std::uint64_t protected_max_ = 0;
    std::uint64_t owed_ = 0;  ///< what must still go from the main part for those that came in
};

}  // namespace shardrun::policy
