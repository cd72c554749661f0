#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "policy/eviction/object_table.h"

namespace shardrun::policy {

/// Objects by priority, the lowest first; of equals the one whose priority was set first. A binary
/// heap that knows where each object is. All operations take O(log n).
class SlotHeap {
 public:
    void push(Slot slot, double priority);
    /// It must be in the heap.
    void set(Slot slot, double priority);
    void remove(Slot slot);
    /// The heap must not be empty.
    Slot pop();

    /// The first in the order in which they would be popped, as many as `is_enough` does not end;
    /// at most `most`. The heap stays as it is. O(most log n).
    template <class IsEnough>
    void look(std::size_t most, IsEnough is_enough) {
        looked_at_.clear();
        bool goes_on = true;
        while (goes_on && !items_.empty() && looked_at_.size() < most) {
            looked_at_.push_back(items_.front());
            remove(items_.front().slot);
            goes_on = !is_enough(looked_at_.back().slot, looked_at_.back().priority);
        }
        for (const Item& item : looked_at_) add(item);
    }

    bool is_empty() const { return items_.empty(); }
    double lowest() const { return items_.front().priority; }

 private:
    struct Item {
        double priority = 0;
        std::uint64_t sequence = 0;
        Slot slot = kNoSlot;

        bool operator<(const Item& other) const {
            return priority != other.priority ? priority < other.priority
                                              : sequence < other.sequence;
        }
    };

    void add(const Item& item);
    void put(std::size_t position, const Item& item);
    void rise(std::size_t position, const Item& item);
    void sink(std::size_t position, const Item& item);

    std::vector<Item> items_;
    std::vector<std::size_t> positions_;  ///< by slot
    std::vector<Item> looked_at_;         ///< kept for its memory
    std::uint64_t sequence_ = 0;
};

}  // namespace shardrun::policy
