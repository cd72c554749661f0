#pragma once

#include "base/mono_time.h"

namespace shardrun::sys {

/// CLOCK_BOOTTIME: goes on while the host sleeps, never jumps back.
class RealClock : public Clock {
 public:
    MonoTime now() override;
};

}  // namespace shardrun::sys
