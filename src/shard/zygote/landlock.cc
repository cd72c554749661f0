#include "shard/zygote/landlock.h"

#include <fcntl.h>
#include <sys/prctl.h>

namespace shardrun::shard::zygote {
namespace {

// From linux/landlock.h of newer kernels than the build's headers may know. Source: landlock(7).
constexpr std::uint64_t kWriteFile = 1U << 1U;
constexpr std::uint64_t kRemoveAndMake =
    0x7fU << 4U | 3U << 11U;  ///< bits 4..10, MAKE_BLOCK 11, MAKE_SYM 12
constexpr std::uint64_t kMakeNode = 1U << 6U | 1U << 11U;  ///< MAKE_CHAR, MAKE_BLOCK
constexpr std::uint64_t kRefer = 1U << 13U;                ///< since ABI 2
constexpr std::uint64_t kTruncate = 1U << 14U;             ///< since ABI 3
constexpr std::uint64_t kScopeSocketsAndSignals = 3;       ///< since ABI 6
constexpr long kVersionFlag = 1;

struct Ruleset {
    std::uint64_t handled_files = 0;
    std::uint64_t handled_network = 0;
    std::uint64_t scoped = 0;
};
struct __attribute__((packed)) Rule {
    std::uint64_t allowed = 0;
    std::int32_t parent = -1;
};

bool allow_beneath(long ruleset, const char* path, std::uint64_t rights, Failure& failure) {
    const long parent = raw_call(SYS_openat, AT_FDCWD, as_long(path), O_PATH | O_CLOEXEC);
    if (!succeeded(parent, failure, Step::restrict_files, path)) return false;
    Rule rule;
    rule.allowed = rights;
    rule.parent = static_cast<std::int32_t>(parent);
    const long added =
        raw_call(SYS_landlock_add_rule, ruleset, 1 /* path beneath */, as_long(&rule), 0);
    raw_close(static_cast<int>(parent));
    return succeeded(added, failure, Step::restrict_files, path);
}

}  // namespace

long make_file_rules(Failure& failure) {
    const long abi = raw_call(SYS_landlock_create_ruleset, 0, 0, kVersionFlag);
    if (abi < 1) return kNoRules;
    Ruleset attributes;
    attributes.handled_files =
        kWriteFile | kRemoveAndMake | (abi >= 2 ? kRefer : 0) | (abi >= 3 ? kTruncate : 0);
    attributes.scoped = abi >= 6 ? kScopeSocketsAndSignals : 0;
    const long size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    const long ruleset = raw_call(SYS_landlock_create_ruleset, as_long(&attributes), size, 0);
    if (!succeeded(ruleset, failure, Step::restrict_files, "ruleset")) return ruleset;
    const std::uint64_t own = attributes.handled_files & ~kMakeNode;
    const std::uint64_t existing = attributes.handled_files & (kWriteFile | kTruncate);
    const bool complete = allow_beneath(ruleset, "/tmp", own, failure) &&
                          allow_beneath(ruleset, "/run", own, failure) &&
                          allow_beneath(ruleset, "/dev/shm", own, failure) &&
                          allow_beneath(ruleset, "/dev", existing, failure) &&
                          allow_beneath(ruleset, "/proc", existing, failure);
    return complete ? ruleset : -failure.error;
}

bool restrict_files(long rules, Failure& failure) {
    if (rules == kNoRules) return true;
    const bool restricted = succeeded(raw_call(SYS_landlock_restrict_self, rules, 0), failure,
                                      Step::restrict_files, "/");
    raw_close(static_cast<int>(rules));
    return restricted;
}

}  // namespace shardrun::shard::zygote
