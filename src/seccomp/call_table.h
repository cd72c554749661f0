#pragma once

#include <cstdint>
#include <vector>

#include "seccomp/profile.h"

namespace shardrun::seccomp {

/// A condition under which a decision ends with `action`; all of `args` must hold.
struct Case {
    std::vector<ArgCheck> args;
    Action action = Action::allow;

    bool operator==(const Case&) const = default;
};

/// What happens to one call: the first case that holds, otherwise `otherwise`.
struct Decision {
    std::vector<Case> cases;
    Action otherwise = Action::allow;

    bool operator==(const Decision&) const = default;
};

/// All call numbers from `first` up to the next range's.
struct CallRange {
    std::uint32_t first = 0;
    Decision decision;
};

/// What the kernel reports as one arch: every 32-bit number, in ranges that begin with 0. x32 is
/// part of x86_64's.
struct CallTable {
    std::uint32_t audit_arch = 0;
    std::vector<CallRange> ranges;
};

/// Resolves names to numbers and overlapping rules to one decision for each call.
std::vector<CallTable> plan_calls(const Profile& profile);

}  // namespace shardrun::seccomp
