#include <doctest/doctest.h>

#include <ostream>

#include "base/rng.h"
#include "naive_cache.h"
#include "policy/eviction/mix.h"

using shardrun::Rng;
using namespace shardrun::policy;

namespace {

/// Requests as programs make them: a few objects often, runs of neighbours, and much that comes
/// once.
class Workload {
 public:
    explicit Workload(std::uint64_t seed) : rng_(seed) {}

    std::uint64_t next() {
        if (run_ > 0) {
            --run_;
            return ++id_;
        }
        if (rng_.chance(5)) run_ = rng_.below(30);
        if (rng_.chance(10)) return id_ = 1000 + rng_.below(100000);
        return id_ = rng_.below(std::uint64_t{2} << rng_.below(8));
    }

 private:
    Rng rng_;
    std::uint64_t id_ = 0;
    std::uint64_t run_ = 0;
};

std::uint64_t size_of(std::uint64_t id) {
    return 1 + mix(id) % (mix(id + 7) % 4 == 0 ? 60 : 9);
}

void compare(EvictionPolicy policy, CacheBound bound, std::uint64_t seed, int requests) {
    Cache cache(policy, bound);
    const auto naive = naive::make_naive_cache(policy, bound.amount);
    Workload workload(seed);
    for (int i = 0; i < requests; ++i) {
        const std::uint64_t id = workload.next();
        const bool is_bytes = bound.unit == CacheBound::Unit::bytes;
        const bool is_hit = cache.access(ObjectId{id}, size_of(id)) == Access::hit;
        REQUIRE(is_hit == naive->access(id, is_bytes ? size_of(id) : 1));
        std::vector<std::uint64_t> evicted;
        for (const Cache::Evicted& one : cache.evicted())
            evicted.push_back(static_cast<std::uint64_t>(one.id));
        REQUIRE(evicted == naive->evicted());
        REQUIRE(cache.used() <= bound.amount);
    }
}

}  // namespace

TEST_CASE("each policy decides as its naive model does, for every request") {
    for (const EvictionPolicy policy : kEvictionPolicies) {
        CAPTURE(std::string(name_of(policy)));
        for (std::uint64_t seed = 1; seed <= 2; ++seed) {
            for (const std::uint64_t amount : {1U, 2U, 3U, 9U, 10U, 11U, 40U, 150U}) {
                CAPTURE(seed);
                CAPTURE(amount);
                compare(policy, {CacheBound::Unit::objects, amount}, seed, 3000);
                compare(policy, {CacheBound::Unit::bytes, 7 * amount}, seed, 3000);
            }
        }
    }
}
