#include "seccomp/launch_calls.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <string>

#include "seccomp/evaluate.h"
#include "seccomp/syscall_names.h"

namespace shardrun::seccomp {
namespace {

constexpr std::string_view kLaunchCalls[] = {
    "recvmsg",  "read",   "close",        "close_range", "dup3",  "execve",
    "execveat", "chdir",  "prlimit64",    "setrlimit",   "umask", "rt_sigprocmask",
    "openat",   "setsid", "rt_sigaction", "exit_group",  "prctl", "write",
};

bool performs(std::span<const sock_filter> filter, Arch arch, std::string_view name,
              std::optional<std::uint64_t> second_argument) {
    const auto bindings = bindings_of(std::string(name), arch);
    return std::ranges::all_of(bindings, [&](const CallBinding& binding) {
        CallPattern pattern{arch, static_cast<int>(binding.number), {}};
        pattern.args[1] = second_argument;
        return performs_all(filter, pattern);
    });
}

}  // namespace

std::span<const std::string_view> launch_calls() {
    return kLaunchCalls;
}

bool allows_launch(std::span<const sock_filter> filter, Arch arch) {
    const bool plain = std::ranges::all_of(
        kLaunchCalls, [&](std::string_view name) { return performs(filter, arch, name, {}); });
    return plain && performs(filter, arch, "ioctl", TIOCSCTTY);
}

}  // namespace shardrun::seccomp
