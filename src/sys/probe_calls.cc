#include "sys/probe_calls.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>

#include "sys/unique_fd.h"

namespace shardrun::sys {
namespace {

// Newer than Debian 12's headers. Sources: linux/fcntl.h 6.3, linux/memfd.h 6.3,
// asm-generic/socket.h 6.5.
constexpr int kSealExec = 0x0020;
constexpr unsigned kMemfdExec = 0x0010;
constexpr int kSoPeerPidfd = 77;

ProbeCode code_of(long result) {
    return result < 0 ? errno : 0;
}

/// Exit status of a child: 0 or an errno value, which all fit.
ProbeCode wait_for(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

/// What `attempt` gives in a child that it may change for good.
template <class Attempt>
ProbeCode in_child(Attempt attempt) {
    const pid_t child = ::fork();
    if (child < 0) return errno;
    if (child == 0) ::_exit(attempt());
    return wait_for(child);
}

}  // namespace

ProbeCode make_cgroup(const std::string& path) {
    return code_of(::mkdir(path.c_str(), 0755));
}

ProbeCode try_clone_into_cgroup(const std::string& path) {
    const UniqueFd cgroup(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!cgroup) return errno;
    clone_args args{};
    args.flags = CLONE_INTO_CGROUP;
    args.exit_signal = SIGCHLD;
    args.cgroup = static_cast<__u64>(cgroup.get());
    const long child = ::syscall(SYS_clone3, &args, sizeof args);
    if (child < 0) return errno;
    if (child == 0) ::_exit(0);
    return wait_for(static_cast<pid_t>(child));
}

ProbeCode try_access(const std::string& path) {
    return code_of(::access(path.c_str(), F_OK));
}

ProbeCode try_namespaces() {
    return in_child([] {
        return code_of(::unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                                 CLONE_NEWUTS | CLONE_NEWCGROUP));
    });
}

ProbeCode try_user_namespace() {
    return in_child([] { return code_of(::unshare(CLONE_NEWUSER)); });
}

ProbeCode try_mount_api() {
    const UniqueFd context(static_cast<int>(::syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
    if (!context) return errno;
    if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0)
        return errno;
    // Detached: no mount table ever shows it, and closing it frees it.
    const UniqueFd mount(
        static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));
    if (!mount) return errno;
    const UniqueFd clone(static_cast<int>(
        ::syscall(SYS_open_tree, AT_FDCWD, "/usr", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
    if (!clone) return errno;
    mount_attr read_only{};
    read_only.attr_set = MOUNT_ATTR_RDONLY;
    return code_of(
        ::syscall(SYS_mount_setattr, clone.get(), "", AT_EMPTY_PATH, &read_only, sizeof read_only));
}

ProbeCode try_seccomp_filter() {
    return in_child([]() -> ProbeCode {
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
        sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        const sock_fprog program{1, &allow};
        return code_of(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
    });
}

ProbeCode try_pidfd() {
    const UniqueFd self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
    if (!self) return errno;
    return code_of(::syscall(SYS_pidfd_send_signal, self.get(), 0, nullptr, 0));
}

ProbeCode try_close_range() {
    return code_of(::syscall(SYS_close_range, UINT_MAX, UINT_MAX, 0));
}

ProbeCode try_memfd_seal(bool with_exec_seal) {
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING | (with_exec_seal ? kMemfdExec : 0);
    const UniqueFd file(::memfd_create("shardrun-doctor", flags));
    if (!file) return errno;
    const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
    return code_of(::fcntl(file.get(), F_ADD_SEALS, with_exec_seal ? seals | kSealExec : seals));
}

ProbeCode try_peer_pidfd() {
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) return errno;
    const UniqueFd first(pair[0]);
    const UniqueFd second(pair[1]);
    int pidfd = -1;
    socklen_t size = sizeof pidfd;
    if (::getsockopt(first.get(), SOL_SOCKET, kSoPeerPidfd, &pidfd, &size) != 0) return errno;
    const UniqueFd peer(pidfd);
    return 0;
}

ProbeCode try_device_program() {
    // r0 = 1 (allow); exit.
    const std::array<bpf_insn, 2> code{
        {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}}};
    const std::array<char, 11> license{"Apache-2.0"};
    bpf_attr attr{};
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.insn_cnt = code.size();
    attr.insns = reinterpret_cast<std::uintptr_t>(code.data());
    attr.license = reinterpret_cast<std::uintptr_t>(license.data());
    const UniqueFd program(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr)));
    return program ? 0 : errno;
}

ProbeCode try_pressure() {
    const UniqueFd file(::open("/proc/pressure/cpu", O_RDONLY | O_CLOEXEC));
    if (!file) return errno;
    std::array<char, 256> text{};
    return code_of(::read(file.get(), text.data(), text.size()));
}

int landlock_abi() {
    const long version =
        ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? 0 : static_cast<int>(version);
}

}  // namespace shardrun::sys
