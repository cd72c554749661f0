#include "bench/census.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>
#include <vector>

namespace shardrun::bench {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code gone;  // Processes end while we look.
    for (fs::directory_iterator at(folder, gone), end; !gone && at != end; at.increment(gone))
        names.push_back(at->path().filename());
    return names;
}

std::vector<pid_t> children_of(pid_t parent) {
    std::ifstream file(fmt::format("/proc/{0}/task/{0}/children", parent));
    std::vector<pid_t> children;
    for (pid_t pid = 0; file >> pid;) children.push_back(pid);
    return children;
}

std::uint64_t lines_of(const std::string& path) {
    std::ifstream file(path);
    return static_cast<std::uint64_t>(std::count(std::istreambuf_iterator<char>(file), {}, '\n'));
}

/// The number after `key` in a file of lines "key value ...".
std::uint64_t value_in(const std::string& path, const std::string& key) {
    std::ifstream file(path);
    std::string word, rest;
    for (std::uint64_t value = 0; file >> word; std::getline(file, rest))
        if (word == key && file >> value) return value;
    return 0;
}

std::uint64_t count_cgroups(const std::string& folder) {
    std::error_code gone;
    std::uint64_t count = 0;
    for (fs::recursive_directory_iterator at(folder, gone), end; !gone && at != end;
         at.increment(gone))
        if (at->is_directory(gone)) ++count;
    return count;
}

std::uint64_t count_namespaces() {
    std::set<std::string> namespaces;
    for (const std::string& name : names_in("/proc")) {
        if (std::isdigit(static_cast<unsigned char>(name[0])) == 0) continue;
        for (const std::string& kind : names_in(fmt::format("/proc/{}/ns", name))) {
            std::error_code gone;
            namespaces.insert(fs::read_symlink(fmt::format("/proc/{}/ns/{}", name, kind), gone));
        }
    }
    return namespaces.size();
}

}  // namespace

std::uint64_t resident_kib(pid_t pid) {
    return value_in(fmt::format("/proc/{}/status", pid), "VmRSS:");
}

std::uint64_t count_waits(pid_t pid) {
    return value_in(fmt::format("/proc/{}/status", pid), "voluntary_ctxt_switches:");
}

Census Census::take(const SupervisorProcess& supervisor) {
    Census census;
    std::vector<pid_t> ours = children_of(supervisor.pid());
    for (const pid_t zygote : ours) census.processes += children_of(zygote).size();
    ours.push_back(supervisor.pid());
    for (const pid_t pid : ours) {
        census.descriptors += names_in(fmt::format("/proc/{}/fd", pid)).size();
        census.resident_kib += bench::resident_kib(pid);
        census.mounts += lines_of(fmt::format("/proc/{}/mountinfo", pid));
    }
    census.cgroups = count_cgroups(supervisor.cgroup());
    census.namespaces = count_namespaces();
    census.kernel_networks = value_in("/proc/slabinfo", "net_namespace");
    return census;
}

Census Census::settled(const SupervisorProcess& supervisor, const Census& before) {
    constexpr unsigned kAttempts = 50;
    Census census = take(supervisor);
    for (unsigned i = 0; i < kAttempts && !census.has_nothing_beyond(before); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        census = take(supervisor);
    }
    return census;
}

bool Census::has_nothing_beyond(const Census& before) const {
    return cgroups <= before.cgroups && mounts <= before.mounts &&
           namespaces <= before.namespaces && processes <= before.processes &&
           descriptors <= before.descriptors;
}

std::string Census::text() const {
    return fmt::format(
        "{} descriptors, {} KiB resident, {} cgroups, {} mounts, {} namespaces, {} processes, {} "
        "network namespaces in the kernel",
        descriptors, resident_kib, cgroups, mounts, namespaces, processes, kernel_networks);
}

}  // namespace shardrun::bench
