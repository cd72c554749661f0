#pragma once

#include <cstdint>

#include "policy/eviction/object_table.h"
#include "policy/eviction/slot_list.h"

namespace shardrun::policy {

/// Remembers objects that were evicted: their ids and charges, without the objects. The one that
/// was evicted longest ago is forgotten first. Bounded by its user, through `charge`.
class GhostList {
 public:
    GhostList() : list_(objects_) {}
    GhostList(const GhostList&) = delete;
    GhostList& operator=(const GhostList&) = delete;
    ~GhostList() = default;

    /// An object without charge counts as 1 here, so that the bound of all holds these as well.
    void add(ObjectId id, std::uint64_t charge);
    /// Forgets it; false when it is not remembered.
    bool remove(ObjectId id);
    /// There must be one.
    void forget_oldest();

    bool is_empty() const { return list_.is_empty(); }
    std::uint64_t charge() const { return list_.charge(); }

 private:
    ObjectTable objects_;
    SlotList list_;
};

}  // namespace shardrun::policy
