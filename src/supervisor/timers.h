#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "base/mono_time.h"

namespace shardrun::supervisor {

/// What a moment is waited for.
enum class TimerKind : std::uint8_t {
    prepare,  ///< of a ShardId: it must be ready by then
    launch,   ///< of a ProgramId: it must have started by then
    idle,     ///< of a ShardId: it had no program for too long
    linger,   ///< of a SliceId: its client is gone for long enough
    drain,    ///< id 0: programs had their time
    goodbye,  ///< id 0: what is left of a drain is given up
};

struct Timer {
    MonoTime at;
    TimerKind kind{};
    std::uint64_t id = 0;

    auto operator<=>(const Timer&) const = default;
};

/// The moments the manager waits for, each held once: cancelled ones leave nothing behind, so an
/// idle supervisor is not woken by them.
class Timers {
 public:
    /// Sets `at` and remembers it in `slot`, in place of what was there.
    void set(std::optional<Timer>& slot, const Timer& timer);
    void cancel(std::optional<Timer>& slot);
    /// Takes out what is due at `now`, earliest first.
    std::optional<Timer> take_due(MonoTime now);
    std::optional<MonoTime> next() const;
    bool has(const Timer& timer) const { return timers_.contains(timer); }
    std::size_t size() const { return timers_.size(); }

 private:
    std::set<Timer> timers_;
};

}  // namespace shardrun::supervisor
