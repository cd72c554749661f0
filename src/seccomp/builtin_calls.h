#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace shardrun::seccomp {

/// Calls that every shard may make, whatever their arguments.
std::span<const std::string_view> builtin_allowed();

/// A call that no shard, or only one with a capability, may make.
struct DeniedCall {
    std::string_view name;
    std::string_view reason;
    /// Any of these capabilities (bit n: number n) opens the call, as in Docker's profile; 0: none
    /// does.
    std::uint64_t opened_by = 0;
    int code = 1;  ///< EPERM, unless programs need another errno to fall back
};

/// Every call that the kernel has and builtin_allowed() lacks, but for those that depend on
/// arguments: clone, unshare, socket, ioctl, personality (builtin.cc).
std::span<const DeniedCall> builtin_denied();

}  // namespace shardrun::seccomp
