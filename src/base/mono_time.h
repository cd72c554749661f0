#pragma once

#include <chrono>

namespace shardrun {

/// Time since boot, as CLOCK_BOOTTIME tells it. Pure code takes it as an argument and never asks
/// for it.
struct MonoClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<MonoClock>;
    static constexpr bool is_steady = true;
};
using MonoTime = MonoClock::time_point;

/// Where time comes from; the cli makes the real one, simulations their own.
class Clock {
 public:
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock() = default;
    virtual MonoTime now() = 0;
};

}  // namespace shardrun
