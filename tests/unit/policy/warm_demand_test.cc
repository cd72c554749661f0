#include "policy/warm_demand.h"

#include <doctest/doctest.h>

#include "base/rng.h"

using namespace std::chrono_literals;
using shardrun::MonoTime;
using shardrun::policy::share_pool;
using shardrun::policy::WarmDemand;

namespace {

constexpr MonoTime kStart{1000h};

}  // namespace

TEST_CASE("nothing is wanted before the first wish") {
    const WarmDemand demand(10s);
    CHECK(demand.wanted(kStart) == 0);
    CHECK(demand.next_change(kStart) == std::nullopt);
}

TEST_CASE("as many are wanted as were wished for in a burst") {
    WarmDemand demand(10s);
    for (int i = 0; i < 7; ++i) demand.on_wish(kStart + std::chrono::milliseconds(i));
    CHECK(demand.wanted(kStart + 7ms) == 7);
}

TEST_CASE("a burst across a boundary counts whole") {
    WarmDemand demand(10s);
    for (int i = 0; i < 4; ++i) demand.on_wish(kStart + 99ms);
    for (int i = 0; i < 4; ++i) demand.on_wish(kStart + 101ms);
    CHECK(demand.wanted(kStart + 101ms) == 8);
}

TEST_CASE("wishes far apart are no burst") {
    WarmDemand demand(10s);
    for (int i = 0; i < 10; ++i) demand.on_wish(kStart + i * 500ms);
    CHECK(demand.wanted(kStart + 5s) == 1);
}

TEST_CASE("a burst is remembered for three quarters of the memory and forgotten after it") {
    for (const auto offset : {0ms, 1ms, 1249ms, 2499ms}) {
        WarmDemand demand(10s);
        const MonoTime then = kStart + offset;
        demand.on_wish(then);
        demand.on_wish(then);
        CHECK(demand.wanted(then + 7499ms) == 2);
        CHECK(demand.wanted(then + 10001ms) == 0);
        CHECK(demand.next_change(then + 10001ms) == std::nullopt);
    }
}

TEST_CASE("nothing falls before the change that was announced") {
    shardrun::Rng rng(3);
    WarmDemand demand(2s);
    MonoTime now = kStart;
    for (int i = 0; i < 3000; ++i) {
        if (rng.chance(60)) demand.on_wish(now);
        const std::uint32_t wanted = demand.wanted(now);
        const auto change = demand.next_change(now);
        CHECK(change.has_value() == (wanted > 0));
        if (change) {
            CHECK(*change > now);
            CHECK(*change <= now + 2s);
            CHECK(demand.wanted(*change - 1ns) == wanted);
        }
        now += std::chrono::milliseconds(rng.below(rng.chance(5) ? 3000 : 60));
    }
}

TEST_CASE("under a steady stream the number wanted does not fall") {
    WarmDemand demand(10s);
    std::uint32_t last = 0;
    for (int i = 0; i < 20000; ++i) {  // One a millisecond, for two memories.
        const MonoTime now = kStart + std::chrono::milliseconds(i);
        demand.on_wish(now);
        CHECK(demand.wanted(now) >= last);
        last = demand.wanted(now);
    }
    CHECK(last == 200);
}

TEST_CASE("without a memory nothing is ever wanted") {
    WarmDemand demand(0s);
    demand.on_wish(kStart);
    CHECK(demand.wanted(kStart) == 0);
    CHECK(demand.next_change(kStart) == std::nullopt);
}

TEST_CASE("a pool that is large enough gives every kind what it wants") {
    CHECK(share_pool({3, 0, 2}, 5) == std::vector<std::uint32_t>{3, 0, 2});
    CHECK(share_pool({}, 5).empty());
}

TEST_CASE("a pool that is too small gives in turn, so that a greedy kind starves none") {
    CHECK(share_pool({100, 1, 2}, 6) == std::vector<std::uint32_t>{3, 1, 2});
    CHECK(share_pool({100, 100}, 5) == std::vector<std::uint32_t>{3, 2});
    CHECK(share_pool({1, 1, 1}, 2) == std::vector<std::uint32_t>{1, 1, 0});
    CHECK(share_pool({4, 4}, 0) == std::vector<std::uint32_t>{0, 0});
}
