#pragma once

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <cstdint>

namespace shardrun::seccomp {

/// What the kernel does with a system call, as a filter returns it: SECCOMP_RET_* in the upper 16
/// bits, an errno value or a tracer's message in the lower. Source: seccomp(2).
enum class Action : std::uint32_t {
    kill_process = SECCOMP_RET_KILL_PROCESS,
    kill_thread = SECCOMP_RET_KILL_THREAD,
    trap = SECCOMP_RET_TRAP,
    log = SECCOMP_RET_LOG,
    allow = SECCOMP_RET_ALLOW,
};

// An Action is the action's word with a value in it, not only one of the enumerators.
// NOLINTBEGIN(clang-analyzer-optin.core.EnumCastOutOfRange)
constexpr Action errno_action(std::uint16_t code) {
    return Action(SECCOMP_RET_ERRNO | code);
}
constexpr Action trace_action(std::uint16_t message) {
    return Action(SECCOMP_RET_TRACE | message);
}
// NOLINTEND(clang-analyzer-optin.core.EnumCastOutOfRange)
constexpr std::uint32_t to_word(Action action) {
    return static_cast<std::uint32_t>(action);
}

/// The kernel's order among actions: the smaller, the stricter (KILL_PROCESS is negative).
constexpr std::int32_t strictness_rank(Action action) {
    return static_cast<std::int32_t>(to_word(action) & SECCOMP_RET_ACTION_FULL);
}
/// True for ALLOW and LOG: the call is performed.
constexpr bool performs_call(Action action) {
    return strictness_rank(action) == SECCOMP_RET_ALLOW ||
           strictness_rank(action) == SECCOMP_RET_LOG;
}

/// An application binary interface: libseccomp's token, which is the kernel's AUDIT_ARCH_* value
/// but for x32 (the kernel reports x32 calls as x86_64 with bit 30 of the number set).
enum class Arch : std::uint32_t {
    x86_64 = AUDIT_ARCH_X86_64,
    x86 = AUDIT_ARCH_I386,
    x32 = 0x4000003E,
    aarch64 = AUDIT_ARCH_AARCH64,
    arm = AUDIT_ARCH_ARM,
};

/// The one this program was built for.
#if defined(__x86_64__)
inline constexpr Arch kNativeArch = Arch::x86_64;
#elif defined(__aarch64__)
inline constexpr Arch kNativeArch = Arch::aarch64;
#else
#error "filters are written for x86_64 and aarch64"
#endif

}  // namespace shardrun::seccomp
