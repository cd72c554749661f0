#include "cli/host_judgement.h"

#include <fmt/ranges.h>
#include <linux/capability.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/fail.h"

namespace shardrun::cli {
namespace {

using sys::HostFacts;
using sys::ProbeCode;

constexpr const char* kUseUnified =
    "add 'systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all' to GRUB_CMDLINE_LINUX in "
    "/etc/default/grub, run 'update-grub' and reboot";
constexpr const char* kBestEffort =
    "until then 'shardrun run --best-effort', or controllers = \"best-effort\" in "
    "/etc/shardrun/shardrun.toml, goes on without its limits";

Finding ok(std::string feature, std::string status) {
    return {std::move(feature), Verdict::ok, std::move(status), ""};
}

/// `needed_for`: an optional feature's absence is only a note.
Finding judge_probe(const char* feature, ProbeCode code, const std::string& remedy,
                    bool is_required = true) {
    if (code == 0) return ok(feature, "works");
    const bool is_forbidden = code == EPERM || code == EACCES;
    return {feature, is_required ? Verdict::missing : Verdict::note, errno_text(code),
            is_forbidden && is_required ? "run as root: 'sudo shardrun doctor'" : remedy};
}

/// "6.1.0-18-amd64" → {6, 1}.
std::pair<int, int> kernel_version(const std::string& release) {
    int major = 0;
    int minor = 0;
    const char* end = release.data() + release.size();
    const auto first = std::from_chars(release.data(), end, major);
    if (first.ptr != end && *first.ptr == '.') (void)std::from_chars(first.ptr + 1, end, minor);
    return {major, minor};
}

Finding judge_kernel(const HostFacts& facts) {
    if (kernel_version(facts.kernel_release) >= std::pair(6, 1))
        return ok("kernel", facts.kernel_release);
    return {"kernel", Verdict::missing, facts.kernel_release,
            "install Linux 6.1 or newer: 'apt install linux-image-amd64' on Debian 12"};
}

Finding judge_cgroup_mount(const HostFacts& facts) {
    if (!facts.cgroup.mount.empty()) return ok("cgroup v2", "mounted at " + facts.cgroup.mount);
    return {"cgroup v2", Verdict::missing, "not mounted",
            "'mount -t cgroup2 none /sys/fs/cgroup', and for good: " + std::string(kUseUnified)};
}

Finding judge_controller(const HostFacts& facts, const std::string& name) {
    const std::string feature = "controller " + name;
    if (std::ranges::find(facts.cgroup.controllers, name) != facts.cgroup.controllers.end())
        return ok(feature, "available");
    const auto legacy = facts.cgroup.legacy_controllers.find(name == "io" ? "blkio" : name);
    if (legacy != facts.cgroup.legacy_controllers.end())
        return {feature, Verdict::missing, "held by cgroup v1 at " + legacy->second,
                fmt::format("{}; {}", kUseUnified, kBestEffort)};
    return {
        feature, Verdict::missing, "not in this cgroup tree",
        fmt::format("delegate it ('Delegate=yes' in the unit), or boot a kernel that has it; {}",
                    kBestEffort)};
}

Finding judge_landlock(const HostFacts& facts) {
    if (facts.landlock_abi > 0) return ok("landlock", fmt::format("ABI {}", facts.landlock_abi));
    return {"landlock", Verdict::note, "absent",
            "add 'landlock' to the 'lsm=' list of the kernel command line for a second wall"};
}

Finding judge_core_pattern(const HostFacts& facts) {
    if (!facts.core_pattern.starts_with('|'))
        return ok("core_pattern", facts.core_pattern.empty() ? "empty" : facts.core_pattern);
    return {"core_pattern", Verdict::note, "pipe: " + facts.core_pattern.substr(0, 60),
            "a dumping program's core goes to a root process of the host; shards have "
            "RLIMIT_CORE 1, which keeps it from running; 'sysctl kernel.core_pattern=core' ends it "
            "for good"};
}

struct Capability {
    const char* name;
    unsigned number;
};
constexpr std::array<Capability, 11> kNeededCapabilities{{
    {"CAP_SYS_ADMIN", CAP_SYS_ADMIN},
    {"CAP_SETUID", CAP_SETUID},
    {"CAP_SETGID", CAP_SETGID},
    {"CAP_SETPCAP", CAP_SETPCAP},
    {"CAP_CHOWN", CAP_CHOWN},
    {"CAP_DAC_OVERRIDE", CAP_DAC_OVERRIDE},
    {"CAP_FOWNER", CAP_FOWNER},
    {"CAP_KILL", CAP_KILL},
    {"CAP_MKNOD", CAP_MKNOD},
    {"CAP_NET_ADMIN", CAP_NET_ADMIN},
    {"CAP_SYS_CHROOT", CAP_SYS_CHROOT},
}};

Finding judge_capabilities(const HostFacts& facts) {
    std::vector<std::string> lacking;
    for (const Capability& needed : kNeededCapabilities)
        if ((facts.capabilities >> needed.number & 1U) == 0) lacking.emplace_back(needed.name);
    if (lacking.empty())
        return ok("capabilities",
                  fmt::format("all {} that shards need", kNeededCapabilities.size()));
    return {"capabilities", Verdict::missing, fmt::format("lacking {}", fmt::join(lacking, " ")),
            "run as root: 'sudo shardrun doctor'"};
}

Finding judge_resource_cap(const HostFacts& facts) {
    if ((facts.capabilities >> unsigned{CAP_SYS_RESOURCE} & 1U) != 0)
        return ok("CAP_SYS_RESOURCE", "held");
    return {"CAP_SYS_RESOURCE", Verdict::note, "not held",
            "files_max above the supervisor's own RLIMIT_NOFILE cannot be granted"};
}

Finding judge_files(const HostFacts& facts) {
    constexpr std::uint64_t kFilesNeeded = 16384;
    const std::string status = fmt::format("{} of {}", facts.files_soft, facts.files_hard);
    if (facts.files_hard >= kFilesNeeded) return ok("RLIMIT_NOFILE", status);
    return {"RLIMIT_NOFILE", Verdict::note, status,
            fmt::format("some 6 descriptors per shard are held: 'LimitNOFILE={}' in the unit, or "
                        "'ulimit -Hn {}'",
                        kFilesNeeded, kFilesNeeded)};
}

Finding judge_swap(const HostFacts& facts) {
    if (facts.swap_bytes > 0) return ok("swap", fmt::format("{} MiB", facts.swap_bytes >> 20U));
    return {"swap", Verdict::note, "none",
            "memory_high_mib only slows programs down without swap; memory_max_mib holds either "
            "way"};
}

struct SysctlFloor {
    const char* name;
    std::uint64_t floor;
};
constexpr std::array<SysctlFloor, 7> kSysctlFloors{{{"fs.inotify.max_user_instances", 128},
                                                    {"fs.file-max", 65536},
                                                    {"kernel.pid_max", 32768},
                                                    {"user.max_mnt_namespaces", 4096},
                                                    {"user.max_net_namespaces", 4096},
                                                    {"user.max_pid_namespaces", 4096},
                                                    {"net.core.somaxconn", 128}}};

Finding judge_sysctl(const HostFacts& facts, const SysctlFloor& wanted) {
    const auto found = facts.sysctls.find(wanted.name);
    if (found == facts.sysctls.end())
        return {wanted.name, Verdict::note, "not readable", "mount /proc with its sys directory"};
    const std::string status = fmt::format("{}", found->second);
    if (found->second >= wanted.floor) return ok(wanted.name, status);
    return {wanted.name, Verdict::note, status,
            fmt::format("'sysctl -w {}={}', and a line in /etc/sysctl.d for good", wanted.name,
                        wanted.floor)};
}

void judge_cgroup(const HostFacts& facts, std::vector<Finding>& findings) {
    findings.push_back(judge_cgroup_mount(facts));
    for (const char* name : {"cpu", "cpuset", "memory", "pids", "io"})
        findings.push_back(judge_controller(facts, name));
    const bool is_mounted = !facts.cgroup.mount.empty();
    const auto add = [&](const char* feature, ProbeCode code, const char* remedy, bool required) {
        findings.push_back(judge_probe(feature, is_mounted ? code : ENOENT, remedy, required));
    };
    const char* newer = "boot Linux 6.1 or newer";
    add("cgroup creation", facts.cgroup.make_child, "remount cgroup2 read-write", true);
    add("clone3 into cgroup", facts.cgroup.clone_into, newer, true);
    add("cgroup.kill", facts.cgroup.kill, newer, true);
    add("cgroup.freeze", facts.cgroup.freeze, newer, false);
    add("pressure per cgroup", facts.cgroup.pressure_per_group,
        "boot with 'psi=1'; stats show no pressure until then", false);
}

void judge_kernel_features(const HostFacts& facts, std::vector<Finding>& findings) {
    const auto add = [&](const char* feature, ProbeCode code, const char* remedy, bool required) {
        findings.push_back(judge_probe(feature, code, remedy, required));
    };
    const char* newer = "boot Linux 6.1 or newer";
    add("namespaces", facts.namespaces, "boot a kernel with CONFIG_NAMESPACES and all its kinds",
        true);
    add("user namespace", facts.user_namespace,
        "'sysctl user.max_user_namespaces=65536'; only user_namespace = true needs it", false);
    add("mount API", facts.mount_api, newer, true);
    add("seccomp filter", facts.seccomp_filter, "boot a kernel with CONFIG_SECCOMP_FILTER", true);
    add("pidfd", facts.pidfd, newer, true);
    add("close_range", facts.close_range, newer, true);
    add("memfd seals", facts.memfd_seal, newer, true);
    add("memfd exec seal", facts.memfd_seal_exec, "Linux 6.3 has it; write seals hold until then",
        false);
    add("SO_PEERPIDFD", facts.peer_pidfd,
        "Linux 6.5 has it; clients are known by SO_PEERCRED until then", false);
    add("device programs", facts.device_program,
        "boot a kernel with CONFIG_CGROUP_BPF; devices are guarded by /dev alone until then",
        false);
    add("pressure (PSI)", facts.pressure, "boot with 'psi=1' on the kernel command line", false);
    findings.push_back(judge_landlock(facts));
}

}  // namespace

std::vector<Finding> judge_host(const HostFacts& facts) {
    std::vector<Finding> findings{judge_kernel(facts)};
    judge_cgroup(facts, findings);
    judge_kernel_features(facts, findings);
    for (const auto judge :
         {judge_capabilities, judge_resource_cap, judge_files, judge_swap, judge_core_pattern})
        findings.push_back(judge(facts));
    for (const SysctlFloor& wanted : kSysctlFloors) findings.push_back(judge_sysctl(facts, wanted));
    return findings;
}

bool is_fit(const std::vector<Finding>& findings) {
    return std::ranges::none_of(findings,
                                [](const Finding& f) { return f.verdict == Verdict::missing; });
}

}  // namespace shardrun::cli
