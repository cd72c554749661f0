#include "streamer/confine.h"

#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "base/fail.h"
#include "seccomp/compile.h"

namespace shardrun::streamer {
namespace {

const std::vector<std::string> kCalls{
    // Orders and reports; waiting for them.
    "recvmsg", "sendmsg", "sendto", "epoll_wait", "epoll_pwait", "futex", "restart_syscall",
    // Files; read and write are for the wake-up of our own threads.
    "preadv2", "pread64", "pwrite64", "read", "write", "fstat", "newfstatat", "fcntl", "close",
    "io_uring_enter", "io_uring_register",
    // What memory, clocks and ends need.
    "munmap", "mremap", "madvise", "brk", "clock_gettime", "sched_yield", "getrandom", "getpid",
    "gettid", "tgkill", "rt_sigprocmask", "rt_sigaction", "rt_sigreturn", "exit", "exit_group"};
const std::vector<std::string> kWithoutExec{"mmap", "mprotect"};

seccomp::Profile profile() {
    seccomp::Profile result;
    result.default_action = seccomp::errno_action(EPERM);
    result.arches = {seccomp::kNativeArch};
    result.load_flags = SECCOMP_FILTER_FLAG_TSYNC;
    result.rules.push_back({kCalls, seccomp::Action::allow, {}});
    const seccomp::ArgCheck not_executable{2, seccomp::CompareOp::masked_eq, 0, PROT_EXEC};
    result.rules.push_back({kWithoutExec, seccomp::Action::allow, {not_executable}});
    return result;
}

}  // namespace

Result<void> confine() {
    const rlimit none{0, 0};
    // Blobs are tenants' bytes; no core file shows them.
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || ::setrlimit(RLIMIT_CORE, &none) != 0)
        return fail_errno("make the streamer unreadable for others");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("give up new privileges");
    SR_TRY(const seccomp::FilterProgram program, seccomp::compile(profile()));
    std::vector<sock_filter> instructions = program.instructions;
    const sock_fprog filter{static_cast<unsigned short>(instructions.size()), instructions.data()};
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, program.load_flags, &filter) != 0)
        return fail_errno("confine the streamer");
    return {};
}

}  // namespace shardrun::streamer
