#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fail.h"
#include "gate/gate.h"

namespace shardrun::gate {

/// The kernel's marks say which files are filled, the ledger who waits.
Result<void> Gate::take_over() {
    SR_TRY(std::vector<ino_t> marked, groups_.opens.marked_inodes());
    SR_TRY(std::vector<ino_t> watched, groups_.notices.marked_inodes());
    std::ranges::sort(marked);
    std::ranges::sort(watched);
    learn_states(marked, watched);
    state_.distrust_fillers();
    if (ledger_.is_reading()) sweep_unknown();
    GateState::Actions actions;
    const auto waiting = ledger_.waiting();
    for (const auto& [ticket, file] : waiting) {
        if (std::to_underlying(file) >= tree_.size())
            return refuse(EPROTO, "a gate's ledger speaks of another tree");
        reserve(ticket);
        state_.on_open(file, ticket, actions);
    }
    actions_.insert(actions_.end(), actions.begin(), actions.end());
    perform();
    return {};
}

void Gate::learn_states(const std::vector<ino_t>& marked, const std::vector<ino_t>& watched) {
    for (const auto& [inode, file] : tree_.inodes())
        if (!std::ranges::binary_search(marked, inode))
            state_.adopt_filled(file, std::ranges::binary_search(watched, inode));
}

/// The earlier owner died while it read events, so some may wait under numbers that nobody knows.
/// What they opened is not known either.
void Gate::sweep_unknown() {
    for (std::uint32_t number = 0; number < ledger_.count(); ++number) {
        const Ticket ticket{static_cast<std::int32_t>(number)};
        if (!ledger_.has(ticket)) (void)groups_.opens.deny(std::to_underlying(ticket), EAGAIN);
    }
    ledger_.end_reading();
}

/// No new event may get the number of one that waits: the kernel would mistake one answer for the
/// other. Where the number is taken already, no event is read until it is answered, for the number
/// may become free meanwhile.
void Gate::reserve(Ticket ticket) {
    const int number = std::to_underlying(ticket);
    const bool is_taken = ::fcntl(number, F_GETFD) >= 0;
    const bool is_ours = !is_taken && ::dup3(ledger_.fd(), number, O_CLOEXEC) == number;
    if (!is_ours) foreign_.insert(ticket);
}

}  // namespace shardrun::gate
