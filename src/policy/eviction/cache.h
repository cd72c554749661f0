#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "policy/eviction/eviction_order.h"
#include "policy/eviction/eviction_policy.h"
#include "policy/eviction/object_table.h"

namespace shardrun::policy {

/// What a cache may hold.
struct CacheBound {
    enum class Unit : std::uint8_t {
        bytes,    ///< an object takes its size
        objects,  ///< an object takes 1
    };
    Unit unit = Unit::bytes;
    std::uint64_t amount = 0;
};

/// What somebody's request for an object met.
enum class Access : std::uint8_t {
    hit,
    miss,          ///< it was not there and is now
    miss_refused,  ///< it was not there and there is no place for it
};

/// Which objects a bounded cache holds: the decisions of a cache without its contents. The owner
/// loads what comes in and frees what `evicted` tells. Used by the supervisor and by `shardrun
/// replay` alike. Pure: the same calls give the same answers. An object's size never changes.
///
/// What is held never exceeds the bound, but for pinned objects after the bound shrank below them.
class Cache {
 public:
    struct Evicted {
        ObjectId id{};
        bool was_used = false;  ///< false: brought in for nothing

        bool operator==(const Evicted&) const = default;
    };

    Cache(EvictionPolicy policy, CacheBound bound);
    Cache(const Cache&) = delete;  // The order refers to the objects.
    Cache& operator=(const Cache&) = delete;
    ~Cache() = default;

    /// Somebody asks for it. A miss brings it in, after making room; an object larger than the
    /// bound without what is pinned is refused and evicts nothing; a policy may refuse others.
    Access access(ObjectId id, std::uint64_t size_bytes);
    /// Brings it in before anybody asked; false when there is no place. What is there stays as it
    /// is: true. Its first access counts as the miss that was saved, not as a second use.
    bool insert(ObjectId id, std::uint64_t size_bytes);
    /// Looks without counting a use.
    bool contains(ObjectId id) const { return objects_.find(id) != kNoSlot; }
    /// Takes it out, not as an eviction. False when it is not there or pinned.
    bool remove(ObjectId id);

    /// A pinned object is in use: it is not evicted until each pin was taken back; one that would
    /// have gone meanwhile is among the next to go then. False when it is not there.
    bool pin(ObjectId id);
    /// It must be pinned. May evict, when the bound shrank.
    void unpin(ObjectId id);

    /// Another bound, in the same unit; evicts what is too much.
    void resize(std::uint64_t amount);

    /// What the last call that may change something evicted, in order. Valid until the next one.
    std::span<const Evicted> evicted() const { return evicted_; }

    std::uint64_t used() const { return used_; }      ///< in the bound's unit
    std::uint64_t pinned() const { return pinned_; }  ///< part of `used`
    std::uint64_t bound() const { return bound_.amount; }
    std::size_t objects() const { return objects_.size(); }

 private:
    std::uint64_t charge_of(std::uint64_t size_bytes) const;
    void use(Slot slot);
    bool bring_in(const Newcomer& newcomer);
    bool make_room(const Newcomer& newcomer);
    void shrink();
    bool evict_one(const Newcomer* newcomer, std::uint64_t need);

    CacheBound bound_;
    ObjectTable objects_;
    std::unique_ptr<EvictionOrder> order_;
    std::uint64_t used_ = 0;
    std::uint64_t pinned_ = 0;
    std::vector<Evicted> evicted_;
};

}  // namespace shardrun::policy
