#include "policy/uid_range.h"

#include <doctest/doctest.h>

#include <set>

#include "base/rng.h"

using shardrun::policy::UidRange;

TEST_CASE("uids are given once each until none is left") {
    UidRange range(100, 3);
    CHECK(range.take() == 100);
    CHECK(range.take() == 101);
    CHECK(range.take() == 102);
    CHECK(range.take() == std::nullopt);
    range.give_back(101);
    CHECK(range.take() == 101);
    CHECK(range.take() == std::nullopt);
}

TEST_CASE("a uid that was given back rests for as long as possible") {
    UidRange range(100, 4);
    (void)range.take();
    (void)range.take();
    range.give_back(101);
    range.give_back(100);
    CHECK(range.take() == 102);  // Never used ones first,
    CHECK(range.take() == 103);
    CHECK(range.take() == 101);  // then the one free for longest.
    CHECK(range.take() == 100);
}

TEST_CASE("an empty range gives nothing") {
    UidRange range(100, 0);
    CHECK(range.take() == std::nullopt);
}

TEST_CASE("a range that ends at the last uid does not wrap around") {
    UidRange range(0xfffffffe, 2);
    CHECK(range.take() == 0xfffffffe);
    CHECK(range.take() == 0xffffffff);
    CHECK(range.take() == std::nullopt);
}

TEST_CASE("a change of range never gives out what is still taken") {
    UidRange range(100, 4);
    (void)range.take();
    (void)range.take();
    (void)range.take();
    range.give_back(102);
    range.change(101, 3);  // 101 is taken, 102 rests, 103 is fresh.
    CHECK(range.take() == 103);
    CHECK(range.take() == 102);
    CHECK(range.take() == std::nullopt);
    range.give_back(100);  // Outside by now: gone for good.
    CHECK(range.take() == std::nullopt);
    range.give_back(101);
    CHECK(range.take() == 101);
}

TEST_CASE("whatever is taken, given back and changed, no uid is out twice") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        shardrun::Rng rng(seed);
        UidRange range(100, 8);
        std::set<uid_t> out;
        for (int i = 0; i < 400; ++i) {
            if (rng.chance(2))
                range.change(static_cast<uid_t>(95 + rng.below(10)),
                             static_cast<std::uint32_t>(rng.below(12)));
            if (rng.chance(50)) {
                if (const auto uid = range.take()) CHECK(out.insert(*uid).second);
            } else if (!out.empty()) {
                const auto one = std::next(out.begin(), static_cast<int>(rng.below(out.size())));
                range.give_back(*one);
                out.erase(one);
            }
            CHECK(range.taken() == out.size());
        }
    }
}
