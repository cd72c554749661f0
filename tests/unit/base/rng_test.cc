#include "base/rng.h"

#include <doctest/doctest.h>

#include <set>

namespace shardrun {
namespace {

TEST_CASE("one seed gives one sequence, the published one") {
    Rng rng(1234567);
    // Reference values of SplitMix64 for this seed (Vigna's splitmix64.c).
    CHECK(rng.next() == 6457827717110365317U);
    CHECK(rng.next() == 3203168211198807973U);
    CHECK(rng.next() == 9817491932198370423U);
}

TEST_CASE("below stays below and reaches every value") {
    Rng rng(7);
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1000; ++i) {
        const std::uint64_t value = rng.below(10);
        CHECK(value < 10);
        seen.insert(value);
    }
    CHECK(seen.size() == 10);
}

TEST_CASE("chance is never at 0 and always at 100 percent") {
    Rng rng(7);
    for (int i = 0; i < 100; ++i) {
        CHECK(!rng.chance(0));
        CHECK(rng.chance(100));
    }
}

}  // namespace
}  // namespace shardrun
