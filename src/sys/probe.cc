#include "sys/probe.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "sys/probe_calls.h"
#include "sys/unique_fd.h"

namespace shardrun::sys {
namespace {

/// The beginning of a small file of /proc; empty when it cannot be read.
std::string read_text(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string text(65536, '\0');
    const ssize_t size = fd ? ::read(fd.get(), text.data(), text.size()) : 0;
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

/// /proc/self/mountinfo is longer than one read gives.
std::string read_whole(const char* path) {
    const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
    std::string text;
    std::array<char, 16384> chunk{};
    ssize_t size = 0;
    while (fd && (size = ::read(fd.get(), chunk.data(), chunk.size())) > 0)
        text.append(chunk.data(), static_cast<std::size_t>(size));
    return text;
}

std::vector<std::string> words(std::string_view text, char separator) {
    std::vector<std::string> result;
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(separator));
        if (!word.empty()) result.emplace_back(word);
        text.remove_prefix(std::min(word.size() + 1, text.size()));
    }
    return result;
}

std::optional<std::uint64_t> read_number(const std::string& path) {
    const std::string text = read_text(path);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc()) return {};
    return number;
}

void probe_cgroup(CgroupFacts& cgroup) {
    cgroup.controllers = words(read_text(cgroup.mount + "/cgroup.controllers"), ' ');
    const std::string child = cgroup.mount + "/shardrun-doctor-" + std::to_string(::getpid());
    cgroup.make_child = make_cgroup(child);
    if (cgroup.make_child != 0) {
        cgroup.clone_into = cgroup.kill = cgroup.freeze = cgroup.pressure_per_group =
            cgroup.make_child;
        return;
    }
    cgroup.clone_into = try_clone_into_cgroup(child);
    cgroup.kill = try_access(child + "/cgroup.kill");
    cgroup.freeze = try_access(child + "/cgroup.freeze");
    cgroup.pressure_per_group = try_access(child + "/cpu.pressure");
    (void)::rmdir(child.c_str());  // Empty again; a failure shows in the next probe's make_child.
}

std::uint64_t effective_capabilities() {
    const std::string status = read_text("/proc/self/status");
    const std::size_t at = status.find("CapEff:\t");
    std::uint64_t bits = 0;
    if (at != std::string::npos)
        (void)std::from_chars(status.data() + at + 8, status.data() + status.size(), bits, 16);
    return bits;
}

void probe_limits(HostFacts& facts) {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        facts.files_soft = files.rlim_cur;
        facts.files_hard = files.rlim_max;
    }
    struct sysinfo info {};
    if (::sysinfo(&info) == 0) facts.swap_bytes = std::uint64_t{info.totalswap} * info.mem_unit;
    facts.core_pattern = read_text("/proc/sys/kernel/core_pattern");
    for (const char* name :
         {"fs.inotify.max_user_instances", "fs.inotify.max_user_watches", "fs.file-max",
          "kernel.pid_max", "user.max_mnt_namespaces", "user.max_net_namespaces",
          "user.max_pid_namespaces", "user.max_user_namespaces", "net.core.somaxconn"}) {
        std::string path = std::string("/proc/sys/") + name;
        for (char& c : path)
            if (c == '.') c = '/';
        if (const auto value = read_number(path)) facts.sysctls[name] = *value;
    }
}

}  // namespace

CgroupFacts parse_cgroup_mounts(std::string_view mountinfo) {
    CgroupFacts facts;
    for (const std::string& line : words(mountinfo, '\n')) {
        // Source: proc(5): optional fields end at "-"; then type, source and super options.
        const std::size_t dash = line.find(" - ");
        if (dash == std::string::npos) continue;
        const auto before = words(std::string_view(line).substr(0, dash), ' ');
        const auto after = words(std::string_view(line).substr(dash + 3), ' ');
        if (before.size() < 5 || after.size() < 3) continue;
        if (after[0] == "cgroup2" && facts.mount.empty()) facts.mount = before[4];
        if (after[0] != "cgroup") continue;
        for (const std::string& option : words(after[2], ','))
            facts.legacy_controllers.emplace(option, before[4]);
    }
    return facts;
}

HostFacts probe_host() {
    HostFacts facts;
    utsname name{};
    if (::uname(&name) == 0) facts.kernel_release = &name.release[0];
    facts.cgroup = parse_cgroup_mounts(read_whole("/proc/self/mountinfo"));
    if (!facts.cgroup.mount.empty()) probe_cgroup(facts.cgroup);
    facts.namespaces = try_namespaces();
    facts.user_namespace = try_user_namespace();
    facts.mount_api = try_mount_api();
    facts.seccomp_filter = try_seccomp_filter();
    facts.pidfd = try_pidfd();
    facts.close_range = try_close_range();
    facts.memfd_seal = try_memfd_seal(false);
    facts.memfd_seal_exec = try_memfd_seal(true);
    facts.peer_pidfd = try_peer_pidfd();
    facts.device_program = try_device_program();
    facts.pressure = try_pressure();
    facts.landlock_abi = landlock_abi();
    facts.capabilities = effective_capabilities();
    probe_limits(facts);
    return facts;
}

}  // namespace shardrun::sys
