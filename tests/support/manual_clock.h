#pragma once

#include <chrono>

#include "base/mono_time.h"

namespace shardrun::test {

/// Time that passes only when a test says so.
class ManualClock : public Clock {
 public:
    MonoTime now() override { return now_; }
    void advance(std::chrono::nanoseconds by) { now_ += by; }

 private:
    MonoTime now_{std::chrono::hours(1)};
};

}  // namespace shardrun::test
