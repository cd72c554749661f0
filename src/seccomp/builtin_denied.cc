#include <linux/capability.h>

#include <cerrno>

#include "seccomp/builtin_calls.h"

namespace shardrun::seccomp {
namespace {

constexpr std::uint64_t bit(int capability) {
    return std::uint64_t{1} << capability;
}

constexpr std::uint64_t kAdmin = bit(CAP_SYS_ADMIN);
constexpr std::uint64_t kBpf = kAdmin | bit(CAP_BPF);
constexpr std::uint64_t kLog = kAdmin | bit(CAP_SYSLOG);
constexpr std::uint64_t kModule = bit(CAP_SYS_MODULE);
constexpr std::uint64_t kNice = bit(CAP_SYS_NICE);
constexpr std::uint64_t kPerf = kAdmin | bit(CAP_PERFMON);
constexpr std::uint64_t kRawIo = bit(CAP_SYS_RAWIO);
constexpr std::uint64_t kTime = bit(CAP_SYS_TIME);
constexpr std::uint64_t kTrace = bit(CAP_SYS_PTRACE);
constexpr std::uint64_t kNever = 0;

// clang-format off: a table.
constexpr DeniedCall kDenied[] = {
    // io_uring performs file and socket calls that no filter sees, and is where kernel bugs are
    // found.
    {"io_uring_setup", "its operations bypass this filter", kNever},
    {"io_uring_enter", "its operations bypass this filter", kNever},
    {"io_uring_register", "its operations bypass this filter", kNever},

    // Code and hooks inside the kernel.
    {"bpf", "loads programs into the kernel", kBpf},
    {"perf_event_open", "samples the kernel and other processes; a large attack surface", kPerf},
    {"userfaultfd", "halts the kernel in mid-copy, which makes its races exploitable", kNever},
    {"init_module", "loads code into the kernel", kModule},
    {"finit_module", "loads code into the kernel", kModule},
    {"delete_module", "unloads the kernel's code", kModule},
    {"kexec_load", "replaces the kernel", kNever},
    {"kexec_file_load", "replaces the kernel", kNever},

    // Keyrings have no namespace: shards would see and fill each other's.
    {"add_key", "keyrings are not namespaced", kNever},
    {"request_key", "keyrings are not namespaced; may start a program on the host", kNever},
    {"keyctl", "keyrings are not namespaced", kNever},

    // Looking into other processes.
    {"ptrace", "controls another process, past its own filter", kTrace},
    {"process_vm_readv", "reads another process's memory", kTrace},
    {"process_vm_writev", "writes another process's memory", kTrace},
    {"process_madvise", "changes another process's memory", kTrace},
    {"pidfd_getfd", "takes another process's descriptors", kTrace},
    {"kcmp", "compares kernel pointers of other processes", kTrace},
    {"move_pages", "tells and moves where another process's pages are", kNever},
    {"migrate_pages", "moves another process's pages", kNever},

    // Mounts and namespaces: the walls of the shard.
    {"mount", "changes the mounts", kAdmin},
    {"umount2", "uncovers what a mount hides", kAdmin},
    {"pivot_root", "leaves the shard's root", kNever},
    {"chroot", "leaves the shard's root", bit(CAP_SYS_CHROOT)},
    {"open_tree", "changes the mounts", kAdmin},
    {"open_tree_attr", "changes the mounts", kAdmin},
    {"move_mount", "changes the mounts", kAdmin},
    {"fsopen", "changes the mounts; parses file system images in the kernel", kAdmin},
    {"fsconfig", "changes the mounts", kAdmin},
    {"fsmount", "changes the mounts", kAdmin},
    {"fspick", "changes the mounts", kAdmin},
    {"mount_setattr", "removes read-only and nosuid from mounts", kAdmin},
    {"setns", "enters another namespace", kAdmin},
    // libc and libmount fall back to clone and to /proc on ENOSYS, on any other errno they give up.
    {"clone3", "its flags lie in memory, where no filter sees new namespaces", kNever, ENOSYS},
    {"statmount", "tells about mounts by number, also other namespaces'", kNever, ENOSYS},
    {"listmount", "tells about mounts by number, also other namespaces'", kNever, ENOSYS},
    {"listns", "lists namespaces", kNever, ENOSYS},

    // Files by other means than their path.
    {"open_by_handle_at", "opens files that no path leads to (how containers were first escaped)",
     bit(CAP_DAC_READ_SEARCH)},
    {"fanotify_init", "watches whole mounts", kAdmin},
    {"fanotify_mark", "watches whole mounts", kAdmin},
    {"lookup_dcookie", "turns profiling cookies into host paths", kAdmin},
    {"file_setattr", "changes project ids, which quotas go by", kNever},
    {"quotactl", "changes quotas", kAdmin},
    {"quotactl_fd", "changes quotas", kAdmin},
    {"cachestat", "tells which pages of a shared file other shards have touched", kNever},
    {"memfd_secret", "memory that the host can neither move nor reclaim", kNever},

    // The machine as a whole.
    {"reboot", "stops the host", bit(CAP_SYS_BOOT)},
    {"swapon", "changes the host's swap", kNever},
    {"swapoff", "changes the host's swap", kNever},
    {"acct", "writes accounting of the whole host", bit(CAP_SYS_PACCT)},
    {"settimeofday", "sets the host's clock", kTime},
    {"clock_settime", "sets the host's clock", kTime},
    {"sethostname", "the host name is the supervisor's to set", kAdmin},
    {"setdomainname", "the domain name is the supervisor's to set", kAdmin},
    {"syslog", "reads and clears the kernel's log", kLog},
    {"vhangup", "hangs up a terminal under its users", bit(CAP_SYS_TTY_CONFIG)},
    {"iopl", "grants I/O ports", kRawIo},
    {"ioperm", "grants I/O ports", kRawIo},
    {"modify_ldt", "16-bit segments; a history of kernel bugs", kNever},

    // NUMA placement is the host's; the calls also tell about its layout.
    {"mbind", "places memory on the host's nodes", kNice},
    {"get_mempolicy", "tells the host's memory layout", kNice},
    {"set_mempolicy", "places memory on the host's nodes", kNice},
    {"set_mempolicy_home_node", "places memory on the host's nodes", kNice},

    // Security modules are the host's to configure.
    {"lsm_get_self_attr", "tells the host's security modules", kNever},
    {"lsm_set_self_attr", "changes the security label", kNever},
    {"lsm_list_modules", "tells the host's security modules", kNever},

    // Obsolete; nothing uses them and nobody tests them.
    {"sysfs", "obsolete: lists the kernel's file systems", kNever},
    {"ustat", "obsolete: statistics of any device by number", kNever},
    {"uselib", "obsolete: maps a library by path", kNever},
    {"nfsservctl", "obsolete: the kernel's NFS server", kNever},
    {"_sysctl", "obsolete: changes kernel settings", kNever},
};
// clang-format on

}  // namespace

std::span<const DeniedCall> builtin_denied() {
    return kDenied;
}

}  // namespace shardrun::seccomp
