#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What this kernel and host can do, found by trying it. Harmless: what could change the process is
/// tried in a child, what is made is taken away again. For `shardrun doctor`; forks, so only for
/// processes with one thread.
namespace shardrun::sys {

/// 0: it works; else the errno value it failed with.
using ProbeCode = int;

struct CgroupFacts {
    std::string mount;                     ///< where cgroup2 is mounted; empty: nowhere
    std::vector<std::string> controllers;  ///< in its root's cgroup.controllers
    std::map<std::string, std::string> legacy_controllers;  ///< held by v1 → where it is mounted
    ProbeCode make_child = 0;                               ///< making and removing a cgroup
    ProbeCode clone_into = 0;                               ///< clone3(CLONE_INTO_CGROUP)
    ProbeCode kill = 0;                                     ///< cgroup.kill
    ProbeCode freeze = 0;                                   ///< cgroup.freeze
    ProbeCode pressure_per_group = 0;                       ///< cpu.pressure of a cgroup
};

struct HostFacts {
    std::string kernel_release;  ///< uname -r
    CgroupFacts cgroup;
    ProbeCode namespaces = 0;      ///< mount, pid, net, ipc, uts and cgroup namespaces at once
    ProbeCode user_namespace = 0;  ///< a user namespace
    ProbeCode mount_api = 0;       ///< fsopen, fsmount, open_tree, mount_setattr
    ProbeCode seccomp_filter = 0;  ///< seccomp(SECCOMP_SET_MODE_FILTER)
    ProbeCode pidfd = 0;           ///< pidfd_open and pidfd_send_signal
    ProbeCode close_range = 0;
    ProbeCode memfd_seal = 0;        ///< F_SEAL_WRITE and friends
    ProbeCode memfd_seal_exec = 0;   ///< F_SEAL_EXEC, since Linux 6.3
    ProbeCode peer_pidfd = 0;        ///< SO_PEERPIDFD, since Linux 6.5
    ProbeCode device_program = 0;    ///< loading a BPF_PROG_TYPE_CGROUP_DEVICE program
    ProbeCode pressure = 0;          ///< /proc/pressure
    int landlock_abi = 0;            ///< 0: none
    std::uint64_t capabilities = 0;  ///< effective; bit n: capability number n
    std::uint64_t files_soft = 0;    ///< RLIMIT_NOFILE
    std::uint64_t files_hard = 0;
    std::uint64_t swap_bytes = 0;
    std::string core_pattern;
    std::map<std::string, std::uint64_t> sysctls;  ///< "fs.inotify.max_user_instances" → value
};

/// Tries everything. Takes some milliseconds.
HostFacts probe_host();

/// The cgroup2 mount and the v1 controllers in the text of /proc/self/mountinfo. Pure.
CgroupFacts parse_cgroup_mounts(std::string_view mountinfo);

}  // namespace shardrun::sys
