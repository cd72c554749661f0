#include "supervisor/timers.h"

#include <doctest/doctest.h>

using namespace shardrun;
using namespace shardrun::supervisor;
using namespace std::chrono_literals;

TEST_CASE("timers come due in their order and leave nothing behind") {
    Timers timers;
    std::optional<Timer> first;
    std::optional<Timer> second;
    timers.set(first, {MonoTime(20s), TimerKind::idle, 1});
    timers.set(second, {MonoTime(10s), TimerKind::launch, 2});
    CHECK(timers.next() == MonoTime(10s));
    CHECK_FALSE(timers.take_due(MonoTime(9s)));
    CHECK(timers.take_due(MonoTime(30s))->id == 2);
    CHECK(timers.take_due(MonoTime(30s))->id == 1);
    CHECK(timers.next() == std::nullopt);
}

TEST_CASE("a timer that is set again or cancelled does not come due as it was") {
    Timers timers;
    std::optional<Timer> slot;
    timers.set(slot, {MonoTime(10s), TimerKind::idle, 1});
    timers.set(slot, {MonoTime(20s), TimerKind::idle, 1});
    CHECK(timers.size() == 1);
    CHECK_FALSE(timers.take_due(MonoTime(19s)));
    timers.cancel(slot);
    CHECK_FALSE(slot);
    CHECK(timers.size() == 0);
    timers.cancel(slot);
}

TEST_CASE("two that are due at one moment are both kept") {
    Timers timers;
    std::optional<Timer> one;
    std::optional<Timer> other;
    timers.set(one, {MonoTime(10s), TimerKind::launch, 1});
    timers.set(other, {MonoTime(10s), TimerKind::launch, 2});
    CHECK(timers.size() == 2);
}
