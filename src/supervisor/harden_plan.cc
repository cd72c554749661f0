#include "supervisor/harden_plan.h"

#include <linux/capability.h>

#include <array>
#include <string>
#include <vector>

#include "base/capability.h"

namespace shardrun::supervisor {
namespace {

constexpr std::array kNeeded{
    CAP_SYS_ADMIN,                 // Mounts, namespaces, the cgroup device filter.
    CAP_SETUID,       CAP_SETGID,  // A uid of its own for each shard; uid maps.
    CAP_SETPCAP,                   // To empty the bounding set of shards.
    CAP_KILL,                      // Programs run under other uids.
    CAP_NET_ADMIN,                 // The loopback device of a new network namespace.
    CAP_CHOWN,        CAP_FOWNER,  // Terminals and directories of a shard's own uid.
    CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH,
    CAP_LEASE,         // To prove that nobody writes to a tree's file, whoever owns it.
    CAP_MKNOD,         // The six devices of the skeleton.
    CAP_SYS_RESOURCE,  // files_max above the hard limit; oom_score_adj.
};

// These change the whole machine; no shard is ever meant to, whatever it was granted.
const std::vector<std::string> kNever{
    "kexec_load",    "kexec_file_load", "init_module",    "finit_module",
    "delete_module", "swapon",          "swapoff",        "acct",
    "nfsservctl",    "uselib",          "lookup_dcookie",
};

// Neither we nor the built-in profile need these, but a configured profile or a granted capability
// may open them to a shard.
const std::vector<std::string> kRarely{
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "kcmp",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "reboot",
    "quotactl",
    "quotactl_fd",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "iopl",
    "ioperm",
    "modify_ldt",
    "add_key",
    "request_key",
    "syslog",
    "vhangup",
};

// With these the zygote leaves our keyring behind.
constexpr std::uint64_t kJoinSessionKeyring = 1;
constexpr std::uint64_t kRevoke = 3;
constexpr std::uint16_t kNotPermitted = 1;  // EPERM

std::uint64_t bit(unsigned capability) {
    return std::uint64_t{1} << capability;
}

std::uint64_t capabilities_of(const ClientRule& rule) {
    std::uint64_t bits = 0;
    for (const std::string& name : rule.capabilities)
        if (const auto number = capability_number(name)) bits |= bit(*number);
    return bits;
}

std::uint64_t grantable_capabilities(const Config& config) {
    std::uint64_t bits = capabilities_of(config.default_client);
    for (const auto& [uid, rule] : config.clients) bits |= capabilities_of(rule);
    return bits;
}

}  // namespace

std::uint64_t kept_capabilities(const Config& config) {
    std::uint64_t bits = grantable_capabilities(config);
    for (const int capability : kNeeded) bits |= bit(static_cast<unsigned>(capability));
    return bits;
}

seccomp::Profile supervisor_profile(const Config& config) {
    const seccomp::Action refused = seccomp::errno_action(kNotPermitted);
    const bool opens_nothing =
        config.seccomp_profiles.empty() && grantable_capabilities(config) == 0;
    seccomp::Profile profile;
    profile.default_action = seccomp::Action::allow;
    profile.arches = {seccomp::kNativeArch};
    if constexpr (seccomp::kNativeArch == seccomp::Arch::x86_64)
        profile.arches.push_back(seccomp::Arch::x86);  // Else 32-bit programs of shards would end.
    profile.rules.push_back({kNever, refused, {}});
    if (!opens_nothing) return profile;
    profile.rules.push_back({kRarely, refused, {}});
    const auto other_than = [](std::uint64_t operation) {
        return seccomp::ArgCheck{0, seccomp::CompareOp::ne, operation};
    };
    profile.rules.push_back(
        {{"keyctl"}, refused, {other_than(kJoinSessionKeyring), other_than(kRevoke)}});
    return profile;
}

}  // namespace shardrun::supervisor
