#include "policy/eviction/cache.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "base/rng.h"

using shardrun::Rng;
using namespace shardrun::policy;

namespace {

constexpr CacheBound objects(std::uint64_t amount) {
    return {CacheBound::Unit::objects, amount};
}
constexpr CacheBound bytes(std::uint64_t amount) {
    return {CacheBound::Unit::bytes, amount};
}
ObjectId id(std::uint64_t number) {
    return ObjectId{number};
}

std::vector<std::uint64_t> evicted(const Cache& cache) {
    std::vector<std::uint64_t> ids;
    for (const Cache::Evicted& one : cache.evicted())
        ids.push_back(static_cast<std::uint64_t>(one.id));
    return ids;
}

using Ids = std::vector<std::uint64_t>;

/// Calls `check` once with each policy.
template <class Check>
void with_each_policy(Check check) {
    for (const EvictionPolicy policy : kEvictionPolicies) {
        CAPTURE(std::string(name_of(policy)));
        check(policy);
    }
}

}  // namespace

TEST_CASE("a policy's name is read back as the policy, and no other word is") {
    with_each_policy(
        [](EvictionPolicy policy) { CHECK(parse_eviction_policy(name_of(policy)) == policy); });
    for (const char* word : {"", "LRU", "lru ", "s3fifo", "belady"})
        CHECK_FALSE(parse_eviction_policy(word).has_value());
}

TEST_CASE("an object that was asked for is a hit the next time") {
    with_each_policy([](EvictionPolicy policy) {
        Cache cache(policy, bytes(100));
        CHECK_FALSE(cache.contains(id(1)));
        CHECK(cache.access(id(1), 60) == Access::miss);
        CHECK(cache.contains(id(1)));
        CHECK(cache.access(id(1), 60) == Access::hit);
        CHECK(cache.used() == 60);
        CHECK(cache.evicted().empty());
    });
}

TEST_CASE(
    "an object as large as the bound comes in, a larger one is refused and costs nobody a place") {
    with_each_policy([](EvictionPolicy policy) {
        Cache cache(policy, bytes(100));
        CHECK(cache.access(id(1), 100) == Access::miss);
        CHECK(cache.access(id(2), 101) == Access::miss_refused);
        CHECK(cache.evicted().empty());
        CHECK(cache.contains(id(1)));
        CHECK_FALSE(cache.contains(id(2)));
    });
}

TEST_CASE("a bound of objects does not look at sizes") {
    with_each_policy([](EvictionPolicy policy) {
        Cache cache(policy, objects(2));
        CHECK(cache.access(id(1), 1000000) == Access::miss);
        CHECK(cache.access(id(2), 0) == Access::miss);
        CHECK(cache.used() == 2);
    });
}

TEST_CASE("a cache with a bound of 0 holds nothing but what has no size") {
    with_each_policy([](EvictionPolicy policy) {
        Cache cache(policy, bytes(0));
        CHECK(cache.access(id(1), 1) == Access::miss_refused);
        CHECK(cache.access(id(2), 0) == Access::miss);
        CHECK(cache.access(id(2), 0) == Access::hit);
    });
}

TEST_CASE("what was brought in ahead is there, and is told as unused when it goes unused") {
    with_each_policy([](EvictionPolicy policy) {
        Cache cache(policy, objects(2));
        CHECK(cache.insert(id(1), 1));
        CHECK(cache.insert(id(2), 1));
        CHECK(cache.insert(id(2), 1));  // As it is there already.
        CHECK(cache.access(id(2), 1) == Access::hit);
        cache.resize(0);
        const std::map<std::uint64_t, bool> wanted{{1, false}, {2, true}};
        std::map<std::uint64_t, bool> got;
        for (const Cache::Evicted& one : cache.evicted())
            got[static_cast<std::uint64_t>(one.id)] = one.was_used;
        CHECK(got == wanted);
    });
}

TEST_CASE("the first use of what was brought in ahead is the miss that was saved, no second use") {
    // After it each of these is as if 1 had been asked for in the ordinary way.
    for (const EvictionPolicy policy :
         {EvictionPolicy::lfu, EvictionPolicy::lru, EvictionPolicy::gdsf, EvictionPolicy::sieve}) {
        CAPTURE(std::string(name_of(policy)));
        Cache cache(policy, objects(2));
        CHECK(cache.insert(id(1), 1));
        CHECK(cache.access(id(1), 1) == Access::hit);
        CHECK(cache.access(id(2), 1) == Access::miss);
        CHECK(cache.access(id(2), 1) == Access::hit);
        CHECK(cache.access(id(3), 1) == Access::miss);
        CHECK(evicted(cache) == Ids{1});
    }
}

TEST_CASE("what is removed is gone, and is no eviction") {
    with_each_policy([](EvictionPolicy policy) {
        Cache cache(policy, objects(3));
        for (const std::uint64_t number : {1U, 2U, 3U}) (void)cache.access(id(number), 1);
        CHECK(cache.remove(id(2)));
        CHECK_FALSE(cache.remove(id(2)));
        CHECK_FALSE(cache.contains(id(2)));
        CHECK(cache.used() == 2);
        CHECK(cache.access(id(4), 1) == Access::miss);
        CHECK(cache.evicted().empty());
    });
}

TEST_CASE("a pinned object stays, whatever comes, and can go when each pin was taken back") {
    with_each_policy([](EvictionPolicy policy) {
        Cache cache(policy, objects(3));
        (void)cache.access(id(1), 1);
        CHECK(cache.pin(id(1)));
        CHECK(cache.pin(id(1)));
        CHECK_FALSE(cache.pin(id(99)));
        CHECK_FALSE(cache.remove(id(1)));
        for (std::uint64_t number = 2; number < 60; ++number) (void)cache.access(id(number), 1);
        cache.unpin(id(1));
        for (std::uint64_t number = 60; number < 99; ++number) (void)cache.access(id(number), 1);
        CHECK(cache.contains(id(1)));
        cache.unpin(id(1));
        CHECK(cache.pinned() == 0);
        cache.resize(0);
        CHECK_FALSE(cache.contains(id(1)));
    });
}

TEST_CASE("what would have gone but for a pin goes first when it is let go") {
    for (const EvictionPolicy policy :
         {EvictionPolicy::fifo, EvictionPolicy::lru, EvictionPolicy::lfu, EvictionPolicy::gdsf}) {
        CAPTURE(std::string(name_of(policy)));
        Cache cache(policy, objects(3));
        for (const std::uint64_t number : {1U, 2U, 3U}) (void)cache.access(id(number), 1);
        CHECK(cache.pin(id(1)));
        CHECK(cache.access(id(4), 1) == Access::miss);
        CHECK(evicted(cache) == Ids{2});
        cache.unpin(id(1));
        CHECK(cache.access(id(5), 1) == Access::miss);
        CHECK(evicted(cache) == Ids{1});
    }
}

TEST_CASE("a use during a pin is not lost") {
    for (const EvictionPolicy policy :
         {EvictionPolicy::lru, EvictionPolicy::lfu, EvictionPolicy::gdsf}) {
        CAPTURE(std::string(name_of(policy)));
        Cache cache(policy, objects(3));
        for (const std::uint64_t number : {1U, 2U, 3U}) (void)cache.access(id(number), 1);
        CHECK(cache.pin(id(1)));
        CHECK(cache.access(id(4), 1) == Access::miss);  // Sets 1 aside, evicts 2.
        CHECK(cache.access(id(1), 1) == Access::hit);
        cache.unpin(id(1));
        CHECK(cache.access(id(5), 1) == Access::miss);
        CHECK(evicted(cache) == Ids{3});
    }
}

TEST_CASE("beside pinned objects only what fits comes in, and a refusal evicts nothing") {
    with_each_policy([](EvictionPolicy policy) {
        Cache cache(policy, bytes(100));
        (void)cache.access(id(1), 70);
        (void)cache.access(id(2), 20);
        CHECK(cache.pin(id(1)));
        CHECK(cache.access(id(3), 31) == Access::miss_refused);
        CHECK(cache.evicted().empty());
        CHECK(cache.contains(id(2)));
        CHECK(cache.insert(id(4), 10));
    });
}

TEST_CASE("a smaller bound evicts at once, but for what is pinned, which goes when it is let go") {
    with_each_policy([](EvictionPolicy policy) {
        Cache cache(policy, bytes(100));
        for (const std::uint64_t number : {1U, 2U, 3U, 4U}) (void)cache.access(id(number), 25);
        CHECK(cache.pin(id(1)));
        CHECK(cache.pin(id(2)));
        cache.resize(30);
        CHECK(cache.evicted().size() == 2);
        CHECK(cache.used() == 50);
        CHECK(cache.access(id(5), 5) == Access::miss_refused);
        cache.unpin(id(2));
        CHECK(evicted(cache) == Ids{2});
        CHECK(cache.used() == 25);
        cache.resize(100);
        CHECK(cache.evicted().empty());
        CHECK(cache.access(id(6), 75) == Access::miss);
    });
}

namespace {

/// Everything that may be done to a cache, in any order, beside what must be true of it then.
class Chaos {
 public:
    Chaos(EvictionPolicy policy, CacheBound bound, std::uint64_t seed)
        : rng_(seed), unit_(bound.unit), cache_(policy, bound) {}

    void step() {
        const std::uint64_t number = rng_.below(rng_.chance(70) ? 20 : 400);
        (void)cache_.pin(id(kNobody));  // What the last step evicted is told no more.
        act(number);
        for (const Cache::Evicted& one : cache_.evicted())
            leave(static_cast<std::uint64_t>(one.id));
        check();
    }

 private:
    static constexpr std::uint64_t kNobody = 1000;

    std::uint64_t size(std::uint64_t number) const { return number * 7 % 23; }

    void act(std::uint64_t number) {
        const bool was_there = held_.contains(number);
        switch (rng_.below(8)) {
            case 0:
                if (cache_.insert(id(number), size(number))) held_[number];
                break;
            case 1:
                REQUIRE(cache_.remove(id(number)) == (was_there && held_[number] == 0));
                if (was_there && held_[number] == 0) held_.erase(number);
                break;
            case 2:
                REQUIRE(cache_.pin(id(number)) == was_there);
                if (was_there) ++held_[number];
                break;
            case 3:
                unpin_any();
                break;
            case 4:
                if (rng_.chance(10)) cache_.resize(rng_.below(200));
                break;
            default:
                const Access access = cache_.access(id(number), size(number));
                REQUIRE((access == Access::hit) == was_there);
                if (access == Access::miss) held_[number];
        }
    }
    void unpin_any() {
        for (auto& [number, pins] : held_) {
            if (pins == 0 || rng_.chance(50)) continue;
            --pins;
            return cache_.unpin(id(number));
        }
    }
    void leave(std::uint64_t number) {
        REQUIRE(held_.contains(number));
        REQUIRE(held_.at(number) == 0);
        held_.erase(number);
    }
    void check() const {
        std::uint64_t used = 0;
        std::uint64_t pinned = 0;
        bool are_there = true;
        for (const auto& [number, pins] : held_) {
            const std::uint64_t charge = unit_ == CacheBound::Unit::objects ? 1 : size(number);
            used += charge;
            if (pins > 0) pinned += charge;
            are_there = are_there && cache_.contains(id(number));
        }
        REQUIRE((are_there && cache_.objects() == held_.size()));
        REQUIRE((cache_.used() == used && cache_.pinned() == pinned));
        REQUIRE(used <= std::max(cache_.bound(), pinned));
    }

    Rng rng_;
    CacheBound::Unit unit_;
    Cache cache_;
    std::map<std::uint64_t, int> held_;  ///< number to pins
};

}  // namespace

TEST_CASE(
    "whatever is done: never beyond the bound, no pinned object goes, and the books are right") {
    with_each_policy([](EvictionPolicy policy) {
        for (std::uint64_t seed = 1; seed <= 6; ++seed) {
            CAPTURE(seed);
            Chaos by_bytes(policy, bytes(20 * seed * seed), seed);
            Chaos by_objects(policy, objects(seed * seed), seed);
            for (int i = 0; i < 2000; ++i) {
                by_bytes.step();
                by_objects.step();
            }
        }
    });
}
