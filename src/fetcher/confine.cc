#include "fetcher/confine.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "base/fail.h"
#include "fetcher/readable_files.h"
#include "seccomp/compile.h"

namespace shardrun::fetcher {
namespace {

using seccomp::Action;
using seccomp::CompareOp;

#ifdef __SANITIZE_ADDRESS__
constexpr bool kHasSanitizer = true;  // Reserves terabytes of addresses.
#else
constexpr bool kHasSanitizer = false;
#endif

// Blobs go through buffers of a fixed size; the rest is stacks of threads that look names up.
constexpr rlim_t kAddressSpaceMax = rlim_t{8} << 30U;

const std::vector<std::string> kCalls{
    // Orders and reports; servers; waiting for them. A socket is made of a few families only, see
    // below; nothing listens or accepts. bind: of the netlink socket by which getaddrinfo(3) learns
    // which families the host has addresses of.
    "recvmsg", "recvfrom", "sendmsg", "sendto", "sendmmsg", "connect", "bind", "getsockname",
    "getpeername", "getsockopt", "setsockopt", "shutdown", "socketpair", "poll", "ppoll", "select",
    "pselect6", "ioctl", "pipe2", "eventfd2",
    // The destinations, and what a look-up and a verification read: /etc/hosts, resolv.conf,
    // nsswitch.conf and the system's certificates, whenever they are needed, since they change.
    // Files are opened for reading only, see below.
    "pwrite64", "pread64", "read", "readv", "write", "writev", "ftruncate", "fdatasync", "lseek",
    "fstat", "newfstatat", "statx", "stat", "lstat", "access", "faccessat", "faccessat2",
    "readlink", "readlinkat", "getdents64", "getcwd", "fcntl", "close", "uname",
    // Names are looked up in threads, which may block; see below for clone. The rest is what
    // memory,
    // clocks and ends need.
    "futex", "set_robust_list", "rseq", "sched_getaffinity", "sched_yield", "munmap", "mremap",
    "madvise", "brk", "clock_gettime", "clock_nanosleep", "gettimeofday", "time", "getrandom",
    "sysinfo", "getpid", "gettid", "getuid", "geteuid", "getgid", "getegid", "tgkill",
    "sigaltstack", "rt_sigprocmask", "rt_sigaction", "rt_sigreturn", "restart_syscall", "exit",
    "exit_group"};

/// A sanitizer's own threads and reports ask for more.
const std::vector<std::string> kForSanitizer{"prctl", "prlimit64", "getrlimit"};

void allow_files(seccomp::Profile& profile) {
    constexpr std::uint64_t kWrites = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
    profile.rules.push_back({{"openat"}, Action::allow, {{2, CompareOp::masked_eq, 0, kWrites}}});
    profile.rules.push_back({{"open"}, Action::allow, {{1, CompareOp::masked_eq, 0, kWrites}}});
}

/// Not AF_UNIX: what listens on this host trusts whom it hears from.
void allow_sockets(seccomp::Profile& profile) {
    for (const std::uint64_t family : {AF_INET + 0U, AF_INET6 + 0U, AF_NETLINK + 0U})
        profile.rules.push_back(
            {{"socket"}, Action::allow, {{0, CompareOp::masked_eq, family, 0xffffffff}}});
}

/// Threads, not processes. The arguments of clone3(2) are out of a filter's sight; the C library
/// falls back to clone(2) when the kernel seems not to have it.
void allow_threads(seccomp::Profile& profile) {
    constexpr std::uint64_t kThread = CLONE_VM | CLONE_THREAD;
    profile.rules.push_back(
        {{"clone"}, Action::allow, {{0, CompareOp::masked_eq, kThread, kThread}}});
    profile.rules.push_back({{"clone3"}, seccomp::errno_action(ENOSYS), {}});
}

seccomp::Profile profile() {
    seccomp::Profile result;
    result.default_action = seccomp::errno_action(EPERM);
    result.arches = {seccomp::kNativeArch};
    result.load_flags = SECCOMP_FILTER_FLAG_TSYNC;
    result.rules.push_back({kCalls, Action::allow, {}});
    if (kHasSanitizer) result.rules.push_back({kForSanitizer, Action::allow, {}});
    result.rules.push_back(
        {{"mmap", "mprotect"}, Action::allow, {{2, CompareOp::masked_eq, 0, PROT_EXEC}}});
    allow_files(result);
    allow_sockets(result);
    allow_threads(result);
    return result;
}

Result<void> limit(__rlimit_resource resource, rlim_t value) {
    rlimit now{};
    if (::getrlimit(resource, &now) != 0) return fail_errno("read a resource limit");
    const rlim_t allowed = std::min(value, now.rlim_max);
    const rlimit wanted{allowed, allowed};
    if (::setrlimit(resource, &wanted) != 0) return fail_errno("set a resource limit");
    return {};
}

}  // namespace

Result<void> confine(std::span<const int> directories, const std::string& ca_file) {
    // Blobs are tenants' bytes; no core file shows them.
    SR_DO(limit(RLIMIT_CORE, 0));
    if (!kHasSanitizer) SR_DO(limit(RLIMIT_AS, kAddressSpaceMax));
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fail_errno("make the fetcher unreadable for others");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("give up new privileges");
    SR_DO(limit_readable_files(directories, ca_file));
    SR_TRY(const seccomp::FilterProgram program, seccomp::compile(profile()));
    std::vector<sock_filter> instructions = program.instructions;
    const sock_fprog filter{static_cast<unsigned short>(instructions.size()), instructions.data()};
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, program.load_flags, &filter) != 0)
        return fail_errno("confine the fetcher");
    return {};
}

}  // namespace shardrun::fetcher
