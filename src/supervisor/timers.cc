#include "supervisor/timers.h"

namespace shardrun::supervisor {

void Timers::set(std::optional<Timer>& slot, const Timer& timer) {
    cancel(slot);
    timers_.insert(timer);
    slot = timer;
}

void Timers::cancel(std::optional<Timer>& slot) {
    if (!slot) return;
    timers_.erase(*slot);
    slot.reset();
}

std::optional<Timer> Timers::take_due(MonoTime now) {
    if (timers_.empty() || timers_.begin()->at > now) return std::nullopt;
    const Timer timer = *timers_.begin();
    timers_.erase(timers_.begin());
    return timer;
}

std::optional<MonoTime> Timers::next() const {
    if (timers_.empty()) return std::nullopt;
    return timers_.begin()->at;
}

}  // namespace shardrun::supervisor
