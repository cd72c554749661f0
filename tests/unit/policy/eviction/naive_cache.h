#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "policy/eviction/cache.h"

/// Caches that are too simple to be wrong and too slow to be used: what the orders are held to.
namespace shardrun::policy::naive {

struct Item {
    std::uint64_t id = 0;
    std::uint64_t charge = 0;
    std::uint64_t uses = 0;
    std::uint64_t stamp = 0;
    double worth = 0;
};
using Items = std::vector<Item>;

class NaiveCache {
 public:
    explicit NaiveCache(std::uint64_t bound) : bound_(bound) {}
    NaiveCache(const NaiveCache&) = delete;
    NaiveCache& operator=(const NaiveCache&) = delete;
    virtual ~NaiveCache() = default;

    /// True for a hit.
    bool access(std::uint64_t id, std::uint64_t charge) {
        evicted_.clear();
        ++now_;
        if (hit(id)) return true;
        if (charge <= bound_) miss(id, charge);
        return false;
    }
    const std::vector<std::uint64_t>& evicted() const { return evicted_; }

 protected:
    /// False when it is not there.
    virtual bool hit(std::uint64_t id) = 0;
    virtual void miss(std::uint64_t id, std::uint64_t charge) = 0;

    void evict(Items& items, std::size_t at);

    std::uint64_t bound_;
    std::uint64_t now_ = 0;
    std::vector<std::uint64_t> evicted_;
};

std::unique_ptr<NaiveCache> make_naive_cache(EvictionPolicy policy, std::uint64_t bound);
std::unique_ptr<NaiveCache> make_naive_w_tinylfu(std::uint64_t bound);

/// The sum of charges.
std::uint64_t charge_of(const Items& items);
/// The index of `id`, or the size.
std::size_t index_of(const Items& items, std::uint64_t id);
Item take(Items& items, std::size_t at);

}  // namespace shardrun::policy::naive
