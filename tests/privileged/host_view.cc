#include "privileged/host_view.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include "privileged/needs.h"

namespace shardrun::test {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::seconds kSettleTime{20};
constexpr std::chrono::milliseconds kLookAgainAfter{50};

struct Process {
    pid_t pid = 0;
    std::string name;
    pid_t parent = 0;
    char state = '?';
};

/// One line of /proc/PID/stat; see proc(5). The name may hold anything, even ") ".
Process parse_process(const std::string& stat) {
    Process process;
    const std::size_t open = stat.find('(');
    const std::size_t close = stat.rfind(')');
    if (open == std::string::npos || close == std::string::npos) return process;
    process.pid = std::stoi(stat.substr(0, open));
    process.name = stat.substr(open + 1, close - open - 1);
    std::istringstream(stat.substr(close + 1)) >> process.state >> process.parent;
    return process;
}

std::vector<Process> processes() {
    std::vector<Process> found;
    std::error_code gone;
    for (const fs::directory_entry& entry : fs::directory_iterator("/proc", gone)) {
        if (entry.path().filename().string().find_first_not_of("0123456789") != std::string::npos)
            continue;
        std::ifstream file(entry.path() / "stat");
        std::string stat;
        if (std::getline(file, stat)) found.push_back(parse_process(stat));
    }
    return found;
}

bool in_test_vm() {
    return std::getenv("SHARDRUN_IN_VM") != nullptr;
}

bool is_in_cgroup(pid_t pid, const std::string& mark) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/cgroup");
    for (std::string line; std::getline(file, line);) {
        if (line.find("/" + mark + "/") != std::string::npos) return true;
    }
    return false;
}

std::string namespace_of(pid_t pid, const std::string& kind) {
    std::error_code gone;
    return fs::read_symlink("/proc/" + std::to_string(pid) + "/ns/" + kind, gone);
}

/// One that was killed is replaced by another, whose number is new: that is no leftover. Inits run
/// the same program, inside the mark.
bool is_zygote(pid_t pid, const std::string& mark) {
    std::error_code gone;
    const std::string program = fs::read_symlink("/proc/" + std::to_string(pid) + "/exe", gone);
    return program.find("memfd:shardrun-zygote") != program.npos && !is_in_cgroup(pid, mark);
}

void add_processes(const std::string& mark, std::set<std::string>& things) {
    for (const Process& process : processes()) {
        // Children of kthreadd come and go as they like.
        if (process.pid == 2 || process.parent == 2) continue;
        if (!in_test_vm() && !is_in_cgroup(process.pid, mark)) continue;
        if (is_zygote(process.pid, mark)) continue;
        things.insert("process " + std::to_string(process.pid) + " (" + process.name + ")");
        for (const char* kind : {"net", "mnt", "pid"})
            things.insert("namespace " + namespace_of(process.pid, kind));
    }
}

void add_cgroups(const std::string& mark, std::set<std::string>& things) {
    const std::string top = cgroup_mount() + (in_test_vm() ? "" : "/" + mark);
    std::error_code gone;
    for (fs::recursive_directory_iterator entry(top, gone), end; entry != end && !gone;
         entry.increment(gone)) {
        if (entry->is_directory(gone)) things.insert("cgroup " + entry->path().string());
    }
}

void add_mounts(std::set<std::string>& things) {
    std::ifstream table("/proc/self/mounts");
    for (std::string line; std::getline(table, line);) things.insert("mount " + line);
}

std::set<std::string> all_things(const std::string& mark) {
    std::set<std::string> things;
    add_processes(mark, things);
    add_cgroups(mark, things);
    add_mounts(things);
    return things;
}

}  // namespace

HostView HostView::now(const std::string& mark) {
    HostView view;
    view.mark_ = mark;
    view.things_ = all_things(mark);
    return view;
}

std::vector<std::string> HostView::left_since() const {
    const auto deadline = std::chrono::steady_clock::now() + kSettleTime;
    for (;;) {
        const std::set<std::string> there = all_things(mark_);
        std::vector<std::string> left;
        std::ranges::set_difference(there, things_, std::back_inserter(left));
        if (left.empty() || std::chrono::steady_clock::now() > deadline) return left;
        std::this_thread::sleep_for(kLookAgainAfter);
    }
}

std::vector<std::string> process_names(const std::string& mark) {
    std::vector<std::string> found;
    for (const Process& process : processes()) {
        if (process.state != 'Z' && is_in_cgroup(process.pid, mark)) found.push_back(process.name);
    }
    return found;
}

std::size_t descriptors_of(pid_t pid) {
    std::error_code gone;
    const fs::directory_iterator entries("/proc/" + std::to_string(pid) + "/fd", gone);
    return static_cast<std::size_t>(std::distance(fs::begin(entries), fs::end(entries)));
}

}  // namespace shardrun::test
