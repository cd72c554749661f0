#include "sys/real_clock.h"

#include <ctime>

namespace shardrun::sys {

MonoTime RealClock::now() {
    timespec time{};
    (void)::clock_gettime(CLOCK_BOOTTIME, &time);  // Cannot fail for a clock that exists.
    return MonoTime(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

}  // namespace shardrun::sys
