#include <doctest/doctest.h>

#include "base/rng.h"
#include "policy/eviction/frequency_sketch.h"
#include "policy/eviction/window_climber.h"

using namespace shardrun::policy;

TEST_CASE("a sketch never tells less than the truth, up to 15, and seldom more") {
    FrequencySketch sketch;
    sketch.reserve(1000);
    CHECK(sketch.estimate(ObjectId{7}) == 0);
    int too_many = 0;
    for (std::uint64_t id = 0; id < 400; ++id)
        for (std::uint64_t i = 0; i < id % 20; ++i) sketch.add(ObjectId{id});
    for (std::uint64_t id = 0; id < 400; ++id) {
        const auto truth = static_cast<std::uint32_t>(id % 20 > 15 ? 15 : id % 20);
        REQUIRE(sketch.estimate(ObjectId{id}) >= truth);
        if (sketch.estimate(ObjectId{id}) > truth) ++too_many;
    }
    CHECK(too_many < 20);
}

TEST_CASE("a sketch forgets nothing when it grows") {
    FrequencySketch sketch;
    for (int i = 0; i < 5; ++i) sketch.add(ObjectId{3});
    sketch.add(ObjectId{4});
    sketch.reserve(100000);
    CHECK(sketch.estimate(ObjectId{3}) == 5);
    CHECK(sketch.estimate(ObjectId{4}) == 1);
    CHECK(sketch.period() >= 1000000);
}

TEST_CASE("a sketch halves its counts after its period, not before") {
    FrequencySketch sketch;
    for (int i = 0; i < 8; ++i) sketch.add(ObjectId{1});
    for (std::uint64_t i = 9; i < sketch.period(); ++i) sketch.add(ObjectId{1000 + i});
    const std::uint32_t before = sketch.estimate(ObjectId{1});
    CHECK(before >= 8);
    // Counters that are full count nothing, so a few more than the period's rest may be needed.
    for (std::uint64_t i = 0; i < 40; ++i) sketch.add(ObjectId{900000 + i});
    CHECK(sketch.estimate(ObjectId{1}) < before);
    CHECK(sketch.estimate(ObjectId{1}) >= 4);
}

namespace {

/// A sample of 100 requests with so many hits; the window after it.
std::uint64_t after_sample(WindowClimber& climber, int hits) {
    for (int i = 1; i < 100; ++i) REQUIRE_FALSE(climber.count(i <= hits, 100));
    REQUIRE(climber.count(hits == 100, 100));
    return climber.next();
}

}  // namespace

TEST_CASE("a window begins with a hundredth of the bound, and with 1 at least") {
    WindowClimber climber;
    CHECK(climber.restart(10000) == 100);
    CHECK(climber.restart(5) == 1);
    CHECK(climber.restart(0) == 1);
}

TEST_CASE("a window goes on while hits rise and turns when they fall") {
    WindowClimber climber;
    (void)climber.restart(10000);
    CHECK(after_sample(climber, 50) == 100 + 625);
    CHECK(after_sample(climber, 51) == 100 + 625 + 625);
    const std::uint64_t turned = after_sample(climber, 50);
    CHECK(turned < 100 + 625 + 625);
    CHECK(after_sample(climber, 51) < turned);
}

TEST_CASE("a window's steps shrink while hits are steady and are large again after a change") {
    WindowClimber climber;
    (void)climber.restart(1000000);
    std::uint64_t window = after_sample(climber, 50);
    std::uint64_t step = ~std::uint64_t{0};
    for (int i = 0; i < 4; ++i) {
        const std::uint64_t next = after_sample(climber, 50);
        CHECK(next - window < step);
        step = next - window;
        window = next;
    }
    (void)after_sample(climber, 60);
    window = climber.window();
    CHECK(after_sample(climber, 60) - window == 62500);
}

TEST_CASE("a window stays between 1 and four fifths of the bound") {
    WindowClimber climber;
    (void)climber.restart(1000);
    for (int i = 0; i < 100; ++i) {
        const std::uint64_t window = after_sample(climber, i < 50 ? i : 100 - i);
        CHECK(window >= 1);
        CHECK(window <= 800);
    }
}
