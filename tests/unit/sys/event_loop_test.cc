#include "sys/event_loop.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <vector>

#include "../../support/manual_clock.h"
#include "sys/real_clock.h"

namespace shardrun::sys {
namespace {

using namespace std::chrono_literals;

UniqueFd make_event(unsigned initial) {
    return UniqueFd(::eventfd(initial, EFD_CLOEXEC | EFD_NONBLOCK));
}

struct World {
    test::ManualClock clock;
    std::unique_ptr<EventLoop> loop = *EventLoop::create(clock);
};

TEST_CASE("a watched descriptor is called while it is ready and not after it was forgotten") {
    World world;
    const UniqueFd event = make_event(1);
    std::uint32_t seen = 0;
    int calls = 0;
    REQUIRE(world.loop->watch(event.get(), EPOLLIN, [&](std::uint32_t events) {
        seen = events;
        ++calls;
    }));
    CHECK(world.loop->run_once(0ns) == 1);
    CHECK(world.loop->run_once(0ns) == 1);  // Level-triggered.
    CHECK(seen == EPOLLIN);
    world.loop->forget(event.get());
    CHECK(world.loop->run_once(0ns) == 0);
    CHECK(calls == 2);
    CHECK(world.loop->watched_count() == 0);
}

TEST_CASE("a descriptor is watched once, and one that is not watched cannot be changed") {
    World world;
    const UniqueFd event = make_event(0);
    REQUIRE(world.loop->watch(event.get(), EPOLLIN, [](std::uint32_t) {}));
    CHECK(world.loop->watch(event.get(), EPOLLIN, [](std::uint32_t) {}).error().code == EEXIST);
    world.loop->forget(event.get());
    CHECK(world.loop->change(event.get(), EPOLLIN).error().code == ENOENT);
    world.loop->forget(event.get());
}

TEST_CASE("a callback that forgets another of the same round keeps it from being called") {
    World world;
    std::array<UniqueFd, 2> events{make_event(1), make_event(1)};
    int calls = 0;
    for (std::size_t i = 0; i < 2; ++i)
        REQUIRE(world.loop->watch(events.at(i).get(), EPOLLIN, [&, i](std::uint32_t) {
            ++calls;
            world.loop->forget(events.at(1 - i).get());
            events.at(1 - i).reset();
        }));
    CHECK(world.loop->run_once(0ns) == 1);
    CHECK(calls == 1);
}

TEST_CASE("an event of a forgotten descriptor never reaches a new one with the same number") {
    World world;
    UniqueFd first = make_event(1);
    UniqueFd second = make_event(1);
    int stale = 0;
    const auto replace = [&](UniqueFd& other) {
        const int number = other.get();
        world.loop->forget(number);
        other.reset();
        other = make_event(0);  // Takes the lowest free number: the same.
        REQUIRE(other.get() == number);
        REQUIRE(world.loop->watch(number, EPOLLIN, [&](std::uint32_t) { ++stale; }));
    };
    REQUIRE(world.loop->watch(first.get(), EPOLLIN, [&](std::uint32_t) { replace(second); }));
    REQUIRE(world.loop->watch(second.get(), EPOLLIN, [&](std::uint32_t) { replace(first); }));
    CHECK(world.loop->run_once(0ns) == 1);
    CHECK(stale == 0);
}

TEST_CASE("a callback may forget itself and go on") {
    World world;
    const UniqueFd event = make_event(1);
    std::vector<int> witness{1, 2, 3};
    REQUIRE(world.loop->watch(event.get(), EPOLLIN, [&, witness](std::uint32_t) {
        world.loop->forget(event.get());
        CHECK(witness.size() == 3);  // Its own captures are still alive.
    }));
    CHECK(world.loop->run_once(0ns) == 1);
}

TEST_CASE("a paused descriptor is silent even when its peer has hung up, and resumes") {
    World world;
    std::array<int, 2> pipe{};
    REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
    const UniqueFd reader(pipe[0]);
    UniqueFd writer(pipe[1]);
    int calls = 0;
    REQUIRE(world.loop->watch(reader.get(), EPOLLIN, [&](std::uint32_t) { ++calls; }));
    REQUIRE(world.loop->change(reader.get(), 0));
    writer.reset();
    CHECK(world.loop->run_once(0ns) == 0);
    REQUIRE(world.loop->change(reader.get(), EPOLLIN));
    CHECK(world.loop->run_once(0ns) == 1);
    CHECK(calls == 1);
}

TEST_CASE("a timer runs once when the clock shows its time, in the order of the times") {
    World world;
    std::vector<int> order;
    const MonoTime start = world.clock.now();
    world.loop->set_timer(start + 20ms, [&] { order.push_back(2); });
    world.loop->set_timer(start + 10ms, [&] { order.push_back(1); });
    CHECK(world.loop->run_once(0ns) == 0);
    world.clock.advance(10ms);
    CHECK(world.loop->run_once() == 1);
    world.clock.advance(1h);
    CHECK(world.loop->run_once() == 1);
    CHECK(order == std::vector{1, 2});
    CHECK(world.loop->timer_count() == 0);
}

TEST_CASE("a cancelled timer never runs, even cancelled by one of the same round") {
    World world;
    const MonoTime start = world.clock.now();
    int calls = 0;
    TimerId second{};
    world.loop->set_timer(start, [&] { world.loop->cancel_timer(second); });
    second = world.loop->set_timer(start, [&] { ++calls; });
    CHECK(world.loop->run_once() == 1);
    CHECK(calls == 0);
    world.loop->cancel_timer(second);
}

TEST_CASE("a timer that sets itself for the past does not keep the round from ending") {
    World world;
    int calls = 0;
    std::function<void()> again = [&] {
        ++calls;
        world.loop->set_timer(world.clock.now(), again);
    };
    again();
    CHECK(world.loop->run_once() == 1);
    CHECK(world.loop->run_once() == 1);
    CHECK(calls == 3);
}

TEST_CASE("the round end runs after descriptors and timers, and hurry brings the next at once") {
    World world;
    const UniqueFd event = make_event(1);
    std::vector<int> order;
    REQUIRE(world.loop->watch(event.get(), EPOLLIN, [&](std::uint32_t) { order.push_back(1); }));
    world.loop->set_timer(world.clock.now(), [&] { order.push_back(2); });
    world.loop->set_round_end([&] { order.push_back(3); });
    REQUIRE(world.loop->run_once());
    CHECK(order == std::vector{1, 2, 3});
    world.loop->forget(event.get());
    world.loop->hurry();
    REQUIRE(world.loop->run_once());  // Would wait for ever otherwise.
    CHECK(order.size() == 4);
}

TEST_CASE("a round without events ends when its longest wait is over, by the real clock") {
    RealClock clock;
    const auto loop = *EventLoop::create(clock);
    const MonoTime start = clock.now();
    CHECK(loop->run_once(2ms) == 0);
    CHECK(clock.now() - start >= 2ms);
    bool ran = false;
    loop->set_timer(clock.now() + 1ms, [&] { ran = true; });
    while (!ran) REQUIRE(loop->run_once());
    CHECK(clock.now() - start >= 3ms);
}

}  // namespace
}  // namespace shardrun::sys
