#pragma once

#include <cstdint>
#include <memory>

#include "policy/eviction/eviction_policy.h"
#include "policy/eviction/object_table.h"

namespace shardrun::policy {

/// An object for which a cache makes room.
struct Newcomer {
    ObjectId id{};
    std::uint64_t charge = 0;  ///< never more than the bound
    bool is_asked = false;     ///< somebody misses it; else it is brought in ahead of that
};

/// Which object of a cache is the next to go. A Cache owns one, tells it of everything, and does
/// what it says; nobody else calls it. Pure; each call takes O(1) amortised, or O(log n) where a
/// policy says so.
class EvictionOrder {
 public:
    EvictionOrder() = default;
    EvictionOrder(const EvictionOrder&) = delete;
    EvictionOrder& operator=(const EvictionOrder&) = delete;
    virtual ~EvictionOrder() = default;

    /// At the start, and whenever the bound changes.
    virtual void on_bound(std::uint64_t bound) { (void)bound; }
    /// Before room is made.
    virtual void on_arrival(const Newcomer& newcomer) { (void)newcomer; }
    /// After room was made: it is in the cache now, with no use counted.
    virtual void insert(Slot slot) = 0;
    /// Somebody asks for it again.
    virtual void on_use(Slot slot) = 0;
    /// Somebody asks for the first time for what was brought in ahead: what a miss would have been.
    virtual void on_first_use(Slot slot) { (void)slot; }

    /// Takes the next to go out of the order. `need`: how much charge must go, more than 0.
    /// `newcomer` is nullptr when the bound shrank; else kNoSlot is an answer as well: the
    /// newcomer is worth less than what would have to go for it.
    virtual Slot take_victim(const Newcomer* newcomer, std::uint64_t need) = 0;
    /// What `take_victim` gave is gone for good; its slot is erased next.
    virtual void on_evicted(Slot slot) { (void)slot; }
    /// What `take_victim` gave is in use and comes back, as one of the next to go.
    virtual void put_back(Slot slot) = 0;
    /// It leaves for another reason.
    virtual void remove(Slot slot) = 0;
};

/// `objects` must outlive the order.
std::unique_ptr<EvictionOrder> make_eviction_order(EvictionPolicy policy, ObjectTable& objects);

}  // namespace shardrun::policy
