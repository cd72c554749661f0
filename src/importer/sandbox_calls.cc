#include "importer/sandbox_calls.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace shardrun::importer {
namespace {

using seccomp::Action;

// fstat(2) is newfstatat with an empty name in glibc. sysinfo: qsort(3) asks for the memory's size.
constexpr std::string_view kAllowed =
    "read pread64 write writev close fstat newfstatat lseek getdents64 readlinkat sendmsg recvmsg "
    "poll ppoll mmap munmap mremap madvise brk futex rt_sigaction rt_sigprocmask rt_sigreturn "
    "sigaltstack exit exit_group clock_gettime getrandom sysinfo gettid getpid sched_yield "
    "restart_syscall set_robust_list rseq uname";

constexpr std::string_view kForSanitizer =
    "openat readlink mprotect prctl clone clone3 ptrace wait4 access getppid ioctl "
    "sched_getaffinity getrlimit prlimit64 stat statx fcntl geteuid getuid tgkill kill "
    "process_vm_readv pipe pipe2";

// No accident leads here.
constexpr std::string_view kDeadly =
    "execve execveat fork vfork socket socketpair connect bind ptrace mount umount2 pivot_root "
    "chroot setns unshare bpf keyctl add_key io_uring_setup userfaultfd setuid setresuid capset "
    "process_vm_readv process_vm_writev kexec_load init_module";

std::vector<std::string> words(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        const std::size_t size = std::min(text.find(' '), text.size());
        words.emplace_back(text.substr(0, size));
        text.remove_prefix(std::min(size + 1, text.size()));
    }
    return words;
}

}  // namespace

seccomp::Profile allowed_calls(bool for_sanitizer) {
    seccomp::Profile profile;
    profile.default_action = seccomp::errno_action(1);
    profile.arches = {seccomp::kNativeArch};
    profile.rules.push_back({words(kAllowed), Action::allow, {}});
    // Memory that is both writable and executable is nothing an archive needs.
    if (for_sanitizer)
        profile.rules.push_back({words(kForSanitizer), Action::allow, {}});
    else
        profile.rules.push_back({{"mprotect"},
                                 Action::allow,
                                 {{2, seccomp::CompareOp::masked_eq, 0, 4 /* PROT_EXEC */}}});
    if (!for_sanitizer) profile.rules.push_back({words(kDeadly), Action::kill_process, {}});
    return profile;
}

}  // namespace shardrun::importer
