#pragma once

#include <cstddef>
#include <cstdint>

#include "policy/eviction/object_table.h"

namespace shardrun::policy {

/// A list of objects through the links that they have in their table, which must outlive it. An
/// object is in one list at most. All operations are O(1) and allocate nothing.
class SlotList {
 public:
    explicit SlotList(ObjectTable& objects) : objects_(objects) {}

    void push_front(Slot slot);
    void push_back(Slot slot);
    /// It must be in this list.
    void unlink(Slot slot);
    void move_to_front(Slot slot);
    /// The list must not be empty.
    Slot pop_back();

    Slot front() const { return front_; }  ///< kNoSlot when empty
    Slot back() const { return back_; }    ///< kNoSlot when empty
    bool is_empty() const { return back_ == kNoSlot; }
    std::uint64_t charge() const { return charge_; }  ///< the sum over its objects

 private:
    ObjectTable& objects_;
    Slot front_ = kNoSlot;
    Slot back_ = kNoSlot;
    std::uint64_t charge_ = 0;
};

}  // namespace shardrun::policy
