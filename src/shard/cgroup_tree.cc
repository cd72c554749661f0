#include "shard/cgroup_tree.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>
#include <utility>

#include "base/fail.h"
#include "base/log.h"
#include "sys/device_filter.h"

namespace shardrun::shard {
namespace {

using sys::CgroupDir;

constexpr int kReclaimWaitMs = 5000;
constexpr int kReclaimStepMs = 500;
constexpr const char* kDefaultRoot = "shardrun";
constexpr std::array<std::pair<Controller, const char*>, 5> kControllers{
    {{Controller::cpu, "cpu"},
     {Controller::cpuset, "cpuset"},
     {Controller::memory, "memory"},
     {Controller::pids, "pids"},
     {Controller::io, "io"}}};

std::string read_proc(const char* path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

/// Where everybody mounts it, if it is there; empty otherwise. To ask for the table of mounts takes
/// the longer the more there are.
std::string usual_mount() {
    for (const char* path : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
        struct statfs about {};
        if (::statfs(path, &about) == 0 && about.f_type == CGROUP2_SUPER_MAGIC) return path;
    }
    return {};
}

std::string own_cgroup(const std::string& self_cgroup) {
    std::string own;
    std::istringstream groups(self_cgroup);
    for (std::string line; std::getline(groups, line);)
        if (line.starts_with("0::")) own = line.substr(3);
    return own;
}

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    return words;
}

/// Hands on to children what this cgroup has; one write each, so that one that cannot be had does
/// not cost the others. Returns the bits that children will lack.
std::uint32_t enable_controllers(const CgroupDir& cgroup) {
    const std::vector<std::string> there = words_of(cgroup.read("cgroup.controllers").value_or(""));
    std::uint32_t missing = 0;
    for (const auto& [controller, name] : kControllers) {
        const bool is_there = std::ranges::find(there, name) != there.end();
        if (!is_there || !cgroup.write("cgroup.subtree_control", std::string("+") + name))
            missing |= std::to_underlying(controller);
    }
    return missing;
}

/// systemd marks what it delegates; see systemd's CGROUP_DELEGATION document.
bool is_delegated(const std::string& path) {
    std::array<char, 8> value{};
    for (const char* name : {"trusted.delegate", "user.delegate"})
        if (::getxattr(path.c_str(), name, value.data(), value.size()) == 1 && value[0] == '1')
            return true;
    return false;
}

/// A cgroup that hands controllers on may hold no process itself: this one and its zygote move into
/// a leaf beside the instances.
Result<void> leave_for_leaf(const CgroupDir& own) {
    SR_TRY(const CgroupDir leaf, own.make_child("supervisor", false));
    SR_TRY(const std::string pids, own.read("cgroup.procs"));
    for (const std::string& pid : words_of(pids)) {
        const Result<void> moved = leaf.write("cgroup.procs", pid);
        if (!moved && moved.error().code != ESRCH) return moved;
    }
    return {};
}

/// The cgroup of one path, made part by part; each level hands on its controllers. The last two
/// levels and what the last lacks.
struct Walked {
    CgroupDir parent;
    CgroupDir end;
    std::uint32_t missing = 0;
};
Result<Walked> walk_down(const std::string& mount, const std::string& path) {
    Walked at;
    SR_TRY(at.end, CgroupDir::open(mount));
    std::istringstream parts(path);
    for (std::string part; std::getline(parts, part, '/');) {
        if (part.empty()) continue;
        if (part == "." || part == "..")
            return refuse(EINVAL, "cgroup.root: '{}' has a '{}' in it", path, part);
        (void)enable_controllers(at.end);  // What could not be had shows at the last level.
        SR_TRY(CgroupDir next, at.end.make_child(part, false));
        at.parent = std::exchange(at.end, std::move(next));
    }
    at.missing = enable_controllers(at.end);
    return at;
}

Result<Walked> find_root(const CgroupPlace& place, const std::string& root) {
    const bool use_own = root.empty() && place.own != "/" && is_delegated(place.mount + place.own);
    if (!use_own) return walk_down(place.mount, root.empty() ? kDefaultRoot : root);
    Walked own;
    SR_TRY(own.end, CgroupDir::open(place.mount + place.own));
    SR_DO(leave_for_leaf(own.end));
    own.missing = enable_controllers(own.end);
    return own;
}

/// Somebody may take a fresh instance for a dead one until it is locked: then it is made once more,
/// when that somebody is done with removing it.
Result<CgroupDir> make_locked_instance(const CgroupDir& root, const std::string& name) {
    constexpr int kAttemptsMax = 200;
    constexpr std::chrono::milliseconds kPause{1};
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
        if (attempt > 0) std::this_thread::sleep_for(kPause);
        Result<CgroupDir> instance = root.make_child(name, false);
        // Removed again before it could be opened: whether the root went with it is for the caller.
        if (!instance && instance.error().code == ENOENT && root.read("cgroup.events")) continue;
        if (!instance) return instance;
        SR_TRY(const bool is_locked, instance->try_lock());
        if (is_locked && root.open_child(name) && instance->read("cgroup.events")) return instance;
    }
    return refuse(EBUSY, "cgroup '{}/{}' is another supervisor's", root.path(), name);
}

/// Says whether nothing lives in it any more. `events`: its cgroup.events, read anew so that a poll
/// waits for the next change.
bool is_empty(const sys::UniqueFd& events) {
    std::array<char, 256> text{};
    const ssize_t size = ::pread(events.get(), text.data(), text.size(), 0);
    if (size < 0) return true;  // Removed by somebody else.
    const std::string_view words(text.data(), static_cast<std::size_t>(size));
    return words.find("populated 0") != std::string_view::npos;
}

void wait_until_empty(const CgroupDir& cgroup, int wait_ms) {
    constexpr int kStepMs = 20;
    const std::string path = cgroup.path() + "/cgroup.events";
    const sys::UniqueFd events(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    for (int waited = 0; events && waited < wait_ms && !is_empty(events);) {
        pollfd changed{events.get(), POLLPRI, 0};
        if (::poll(&changed, 1, kStepMs) == 0 || (changed.revents & POLLPRI) == 0)
            waited += kStepMs;
    }
}

Result<void> remove_tree(const CgroupDir& parent, const std::string& name) {
    SR_TRY(const CgroupDir cgroup, parent.open_child(name));
    SR_TRY(const std::vector<std::string> children, cgroup.children());
    for (const std::string& child : children) SR_DO(remove_tree(cgroup, child));
    return parent.remove_child(name);
}

std::string slice_name(SliceId slice) {
    return fmt::format("slice-{}", std::to_underlying(slice));
}

std::string shard_name(ShardId shard) {
    return fmt::format("shard-{}", std::to_underlying(shard));
}

unsigned reclaim_dead_instances(const CgroupDir& root) {
    unsigned reclaimed = 0;
    for (const std::string& name : root.children().value_or(std::vector<std::string>{})) {
        if (!name.starts_with("instance-")) continue;
        Result<CgroupDir> instance = root.open_child(name);
        if (!instance || !instance->try_lock().value_or(false))
            continue;  // Gone, or its supervisor lives.
        const Result<void> done = reclaim_cgroup(root, name, kReclaimWaitMs);
        // ENOENT: it went by itself, its supervisor had only just come to its end.
        if (!done && done.error().code != ENOENT)
            log(LogLevel::warning, "reclaim a dead supervisor's '{}': {}, ignoring", name,
                done.error().message);
        if (done) ++reclaimed;
    }
    return reclaimed;
}

}  // namespace

Result<void> reclaim_cgroup(const CgroupDir& parent, const std::string& name, int wait_ms) {
    SR_TRY(const CgroupDir cgroup, parent.open_child(name));
    (void)cgroup.write("cgroup.freeze",
                       "0");  // A frozen one dies too, but its freezer must not be found set.
    // What was on its way into it while it was killed shows when it is removed.
    Result<void> removed = fail(EBUSY, "remove cgroup '{}'", name);
    for (int waited = 0; !removed && waited <= wait_ms; waited += kReclaimStepMs) {
        SR_DO(cgroup.kill());
        wait_until_empty(cgroup, kReclaimStepMs);
        removed = remove_tree(parent, name);
    }
    return removed;
}

Result<CgroupPlace> find_cgroup_place(const std::string& mountinfo,
                                      const std::string& self_cgroup) {
    CgroupPlace place;
    std::istringstream mounts(mountinfo);
    for (std::string line; std::getline(mounts, line);) {
        const std::vector<std::string> words = words_of(line);
        const auto separator = std::ranges::find(words, "-");
        const bool is_cgroup2 = words.size() > 5 && separator != words.end() &&
                                separator + 1 != words.end() && *(separator + 1) == "cgroup2";
        if (is_cgroup2 && place.mount.empty()) place.mount = words[4];
    }
    place.own = own_cgroup(self_cgroup);
    if (place.mount.empty())
        return refuse(
            ENOENT,
            "cgroup v2 is not mounted: mount it with 'mount -t cgroup2 none /sys/fs/cgroup'");
    return place;
}

namespace {

Result<CgroupPlace> own_place() {
    const std::string self_cgroup = read_proc("/proc/self/cgroup");
    std::string mount = usual_mount();
    if (!mount.empty()) return CgroupPlace{std::move(mount), own_cgroup(self_cgroup)};
    return find_cgroup_place(read_proc("/proc/self/mountinfo"), self_cgroup);
}

}  // namespace

Result<CgroupTree> CgroupTree::create(const std::string& root) {
    SR_TRY(const CgroupPlace place, own_place());
    CgroupTree tree;
    tree.mount_ = place.mount;
    tree.instance_name_ = fmt::format("instance-{}", ::getpid());
    Result<CgroupDir> instance = refuse(EBUSY, "no instance");
    // The root itself is removed by whoever ends last, so it may vanish under a starter's feet.
    for (int attempt = 0; attempt < 5 && !instance; ++attempt) {
        SR_TRY(Walked walked, while_doing(find_root(place, root), "prepare the cgroup root"));
        tree.missing_ = walked.missing;
        tree.root_parent_ = std::move(walked.parent);
        tree.root_ = std::move(walked.end);
        tree.reclaimed_ += reclaim_dead_instances(tree.root_);
        instance = make_locked_instance(tree.root_, tree.instance_name_);
        if (!instance && instance.error().code != ENOENT && instance.error().code != ENODEV) break;
    }
    if (!instance) return std::unexpected(std::move(instance).error());
    tree.instance_ = std::move(*instance);
    tree.missing_ |= enable_controllers(tree.instance_);
    for (const auto& [controller, name] : kControllers)
        if ((tree.missing_ & std::to_underlying(controller)) == 0)
            tree.handed_on_.append("+").append(name).append(" ");
    // Instance, slice, shard: nothing below may nest deeper.
    (void)tree.instance_.write("cgroup.max.depth", "2");
    return tree;
}

void CgroupTree::restrict_devices() {
    if (std::exchange(has_device_filter_, true)) return;
    const Result<void> restricted = sys::restrict_devices(instance_);
    if (!restricted)
        log(LogLevel::notice, "{}: shards reach devices only through their /dev, which has six",
            restricted.error().message);
}

Result<CgroupDir> CgroupTree::make_shard(SliceId slice, ShardId shard) {
    auto at = slices_.find(slice);
    if (at == slices_.end()) {
        SR_TRY(CgroupDir made, instance_.make_child(slice_name(slice), false));
        // What the instance has is known, and one write for all of it takes the kernel's lock once.
        if (!handed_on_.empty()) SR_DO(made.write("cgroup.subtree_control", handed_on_));
        at = slices_.emplace(slice, std::move(made)).first;
    }
    return at->second.make_child(shard_name(shard), true);
}

Result<void> CgroupTree::remove_shard(SliceId slice, ShardId shard) {
    const auto at = slices_.find(slice);
    return at == slices_.end() ? Result<void>{} : at->second.remove_child(shard_name(shard));
}

void CgroupTree::remove_slice(SliceId slice) {
    if (slices_.erase(slice) == 0) return;
    const Result<void> removed = instance_.remove_child(slice_name(slice));
    if (!removed) log(LogLevel::warning, "{}, ignoring", removed.error().message);
}

void CgroupTree::remove_instance() {
    if (!instance_) return;
    slices_.clear();
    // Empty as it should be, it goes at once.
    Result<void> removed = root_.remove_child(instance_name_);
    if (!removed) removed = reclaim_cgroup(root_, instance_name_, kReclaimWaitMs);
    if (!removed) log(LogLevel::warning, "{}, ignoring", removed.error().message);
    instance_ = {};
    // Busy while other supervisors use it, and then it is theirs to remove.
    if (root_parent_)
        (void)root_parent_.remove_child(root_.path().substr(root_.path().rfind('/') + 1));
}

std::string CgroupTree::path_of(const CgroupDir& cgroup) const {
    return cgroup.path().starts_with(mount_) ? cgroup.path().substr(mount_.size()) : cgroup.path();
}

}  // namespace shardrun::shard
