#pragma once

#include <doctest/doctest.h>

#include <chrono>

#include "sys/event_loop.h"

namespace shardrun::test {

/// Turns the loop until the condition holds; one that never does is a failure after a long time.
template <class Condition>
void run_until(sys::EventLoop& loop, const Condition& condition) {
    constexpr std::chrono::seconds kLong{60};
    const MonoTime deadline = loop.now() + kLong;
    while (!condition() && loop.now() < deadline)
        REQUIRE(loop.run_once(std::chrono::milliseconds(10)));
    REQUIRE(condition());
}

}  // namespace shardrun::test
