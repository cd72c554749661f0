#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "seccomp/action.h"
#include "shardrun/error.h"

namespace shardrun::seccomp {

/// How an argument is compared, all 64 bits of it. Names as in the OCI format, SCMP_CMP_*.
enum class CompareOp : std::uint8_t { ne, lt, le, eq, ge, gt, masked_eq };

/// One condition on an argument. `masked_eq` holds when argument and value agree in the bits of
/// `mask`; the others ignore it. A 32-bit comparison, which a caller cannot dodge by setting high
/// bits that the kernel ignores, is a masked one with mask 0xffffffff.
struct ArgCheck {
    unsigned index = 0;  ///< 0..5
    CompareOp op = CompareOp::eq;
    std::uint64_t value = 0;
    std::uint64_t mask = ~std::uint64_t{0};

    bool operator==(const ArgCheck&) const = default;
};

/// "These calls, when all of `args` hold, get `action`". Several rules for one call are OR-ed; when
/// matching rules disagree, the strictest action wins (the kernel's order among filters), among
/// equals the first rule.
struct Rule {
    std::vector<std::string> names;
    Action action = Action::allow;
    std::vector<ArgCheck> args;

    bool operator==(const Rule&) const = default;
};

/// A kernel version, as far as profiles ask for it ("minKernel": "4.8").
struct KernelVersion {
    unsigned release = 0;
    unsigned patchlevel = 0;

    auto operator<=>(const KernelVersion&) const = default;
};

/// Where a profile is going to be used: decides its "includes", "excludes" and "archMap".
struct ProfileContext {
    std::uint64_t capabilities = 0;  ///< bit n: capability number n is granted
    KernelVersion kernel{6, 1};
    Arch arch = kNativeArch;

    auto operator<=>(const ProfileContext&) const = default;
};

/// A filter as a person means it, every condition on the context already decided.
struct Profile {
    Action default_action = errno_action(1);
    /// What a call gets that rules name, but none of them for its arguments. Absent: the default
    /// action.
    std::optional<Action> unmatched_call_action;
    /// What calls get whose numbers lie beyond every name in the profile: they are newer than it,
    /// and programs expect ENOSYS of a kernel that lacks a call. Absent: the default action.
    std::optional<Action> newer_call_action;
    std::vector<Arch> arches;      ///< the native one first; calls of any other end the process
    std::uint32_t load_flags = 0;  ///< SECCOMP_FILTER_FLAG_* for seccomp(2)
    std::vector<Rule> rules;
    /// Names that only rules of another context mention: known, hence not newer than the profile.
    std::vector<std::string> other_known_names;
    std::vector<std::string> warnings;  ///< sentences: what was skipped, and what it may mean

    bool operator==(const Profile&) const = default;
};

inline constexpr std::size_t kProfileTextMax = std::size_t{1024} * 1024;  ///< bytes of JSON
inline constexpr std::size_t kProfileDepthMax = 16;                       ///< nesting of JSON
inline constexpr std::size_t kProfileRulesMax = 4096;                     ///< rules
inline constexpr std::size_t kProfileNamesMax = 16384;                    ///< names over all rules

/// Reads a profile in the OCI runtime's format ("architectures") or in Docker's and Podman's
/// ("archMap", "includes", "excludes"). Unknown keys are refused; system calls that nobody knows
/// are skipped with a warning, as OCI runtimes do. Errors: EINVAL, with the JSON path or the line
/// and column and what would be right; E2BIG beyond the limits above.
Result<Profile> parse_profile_json(std::string_view text, const ProfileContext& context);

/// The profile "default": an allow-list at least as strict as Docker's for a container without
/// capabilities. Each refusal and its reason: builtin_denied.cc. A granted capability opens the
/// calls that need it, but never io_uring and never user namespaces.
Profile builtin_profile(const ProfileContext& context);

}  // namespace shardrun::seccomp
