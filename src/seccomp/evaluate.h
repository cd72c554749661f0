#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "seccomp/action.h"
#include "shardrun/error.h"

namespace shardrun::seccomp {

/// Checks what the kernel checks before it takes a filter: known instructions, aligned loads inside
/// seccomp_data, forward jumps that stay inside, a return at every end. Errors: EINVAL with the
/// instruction's index; E2BIG beyond 4096 instructions.
Result<void> verify_filter(std::span<const sock_filter> filter);

/// Runs a verified filter as the kernel would. Undefined for an unverified one.
Action evaluate(std::span<const sock_filter> filter, const seccomp_data& call);

/// A call of which only some things are known; what is absent may be anything.
struct CallPattern {
    Arch arch = kNativeArch;
    int number = 0;
    std::array<std::optional<std::uint64_t>, 6> args{};
};

/// True when the filter performs (allows or logs) every call that fits the pattern.
bool performs_all(std::span<const sock_filter> filter, const CallPattern& pattern);

}  // namespace shardrun::seccomp
