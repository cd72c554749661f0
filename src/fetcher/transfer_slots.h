#pragma once

#include <deque>
#include <optional>
#include <unordered_map>

#include "fetcher/message.h"

namespace shardrun::fetcher {

/// Who may transfer now: so many at once, what is demanded before what is prefetched, and each in
/// the order it came. Prefetches leave a quarter of the slots to demands, which need not wait then.
class TransferSlots {
 public:
    explicit TransferSlots(unsigned slots)
        : slots_(slots), prefetch_slots_(slots > 1 ? slots - (slots + 3) / 4 : slots) {}

    /// Waits for a slot.
    void add(JobId job, Urgency urgency);
    /// Is demanded from now on, whether it waits or runs. An unknown one is fine.
    void promote(JobId job);
    /// Neither waits nor runs any more.
    void remove(JobId job);
    /// The next that may run, which it does from now on; none when there is none.
    std::optional<JobId> take();

 private:
    std::optional<JobId> take_from(std::deque<JobId>& queue, Urgency urgency);

    unsigned slots_;
    unsigned prefetch_slots_;
    unsigned running_prefetches_ = 0;
    std::deque<JobId> demands_;
    std::deque<JobId> prefetches_;
    std::unordered_map<JobId, Urgency> running_;
};

}  // namespace shardrun::fetcher
