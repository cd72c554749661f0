#include "bench/private_view.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "shardrun/unique_fd.h"

namespace shardrun::bench {
namespace {

constexpr const char* kCgroupMount = "/sys/fs/cgroup";

std::string find_cgroup2() {
    std::ifstream table("/proc/self/mounts");
    std::string source, target, kind, rest;
    while (table >> source >> target >> kind && std::getline(table, rest))
        if (kind == "cgroup2") return target;
    return "";
}

/// Whatever the host mounted there goes, however many layers.
void detach_all(const char* path) {
    while (::umount2(path, MNT_DETACH) == 0) {
    }
}

Result<void> mount_alone(int cgroup) {
    const UniqueFd tree(static_cast<int>(
        ::syscall(SYS_open_tree, cgroup, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH)));
    if (!tree) return fail_errno("clone the mount of a cgroup");
    detach_all(kCgroupMount);
    if (::syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, kCgroupMount,
                  MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return fail_errno("mount a cgroup at '{}'", kCgroupMount);
    return {};
}

std::vector<pid_t> children_of(pid_t parent) {
    std::ifstream file(fmt::format("/proc/{0}/task/{0}/children", parent));
    std::vector<pid_t> children;
    for (pid_t pid = 0; file >> pid;) children.push_back(pid);
    return children;
}

/// Absent without autogroups, and then the plain nice value serves.
void prefer_session_of(const std::string& process) {
    std::ofstream("/proc/" + process + "/autogroup") << "-20";
}

Result<void> make_real_time(pid_t pid) {
    const sched_param parameter{.sched_priority = 1};
    if (::sched_setscheduler(pid, SCHED_FIFO, &parameter) != 0)
        return fail_errno("give process {} real-time priority", pid);
    return {};
}

}  // namespace

Result<PrivateView> PrivateView::enter() {
    if (::unshare(CLONE_NEWNS) != 0) return fail_errno("make a mount namespace");
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return fail_errno("make mounts private");
    const std::string mount = find_cgroup2();
    if (mount.empty()) return refuse(ENOENT, "cgroup v2 is not mounted");
    const int parent = ::open(mount.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0) return fail_errno("open '{}'", mount);
    PrivateView view(parent, fmt::format("shardrun-bench-{}", ::getpid()));
    if (::mkdirat(parent, view.name_.c_str(), 0755) != 0)
        return fail_errno("create cgroup '{}/{}'", mount, view.name_);
    const UniqueFd own(
        ::openat(parent, view.name_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    SR_DO(mount_alone(own.get()));
    return view;
}

PrivateView::PrivateView(PrivateView&& other) noexcept
    : parent_(std::exchange(other.parent_, -1)), name_(std::move(other.name_)) {}

PrivateView::~PrivateView() {
    if (parent_ < 0) return;
    detach_all(kCgroupMount);
    // Peers may have left cgroups of their own; an occupied one stays and shows what was left.
    (void)::unlinkat(parent_, name_.c_str(), AT_REMOVEDIR);
    (void)::close(parent_);
}

Result<void> raise_priority() {
    // Its own autogroup, else the shell that started us would share our weight.
    (void)::setsid();
    return make_real_time(0);
}

Result<void> raise_priority_of_children(pid_t parent) {
    for (const pid_t pid : children_of(parent)) SR_DO(make_real_time(pid));
    return {};
}

void share_with_children(pid_t parent) {
    for (const pid_t pid : children_of(parent)) prefer_session_of(std::to_string(pid));
}

Result<void> lower_priority() {
    const sched_param parameter{.sched_priority = 0};
    if (::sched_setscheduler(0, SCHED_OTHER, &parameter) != 0)
        return fail_errno("give real-time priority back");
    prefer_session_of("self");
    (void)::nice(-10);
    return {};
}

}  // namespace shardrun::bench
