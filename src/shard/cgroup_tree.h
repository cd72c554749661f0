#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "shard/spec.h"
#include "shardrun/error.h"
#include "sys/cgroup_dir.h"

namespace shardrun::shard {

/// Where cgroup v2 is, and where in it this process is. From /proc/self/mountinfo and
/// /proc/self/cgroup.
struct CgroupPlace {
    std::string mount;  ///< "/sys/fs/cgroup" or "/sys/fs/cgroup/unified"
    std::string own;    ///< this process's cgroup, "/" or "/a/b"
};
/// Pure: texts as the kernel writes them. Errors: ENOENT without a cgroup2 mount.
Result<CgroupPlace> find_cgroup_place(const std::string& mountinfo, const std::string& self_cgroup);

/// The part of cgroup v2 that is one supervisor's:
///   <root>/instance-<pid>/slice-<id>/shard-<id>
/// The instance's directory is locked while its supervisor lives; an instance without a lock is a
/// dead predecessor's and is reclaimed by whoever starts next.
class CgroupTree {
 public:
    /// Finds or makes the root, enables controllers, reclaims dead instances, makes and locks one
    /// of its own. `root`: below the mount; empty: the delegated cgroup this process is in, else
    /// "shardrun". Errors: ENOENT without cgroup v2, EACCES without root.
    static Result<CgroupTree> create(const std::string& root);

    /// Lets all shards open the basic devices only; once is enough. To be called before any program
    /// runs. A kernel that cannot is told in the log.
    void restrict_devices();
    bool has_device_filter() const { return has_device_filter_; }

    /// A cgroup for the shard, in its slice (made if it is not there).
    Result<sys::CgroupDir> make_shard(SliceId slice, ShardId shard);

    /// Errors: EBUSY while something is left in it.
    Result<void> remove_shard(SliceId slice, ShardId shard);

    void remove_slice(SliceId slice);

    /// Removes the instance; what is left in it is killed first. For the end of a supervisor.
    void remove_instance();

    /// Controller bits that this part of the tree does not have.
    std::uint32_t missing() const { return missing_; }

    /// Path below the mount, for people.
    std::string path_of(const sys::CgroupDir& cgroup) const;

    /// How many dead predecessors' cgroups were reclaimed at the start.
    unsigned reclaimed_at_start() const { return reclaimed_; }

 private:
    std::string mount_;
    sys::CgroupDir root_parent_;
    sys::CgroupDir root_;
    sys::CgroupDir instance_;
    std::string instance_name_;
    std::map<SliceId, sys::CgroupDir> slices_;
    bool has_device_filter_ = false;
    std::uint32_t missing_ = 0;
    std::string handed_on_;  ///< to each slice, as its subtree_control takes it
    unsigned reclaimed_ = 0;
};

/// Kills what runs in `name` below `parent` and removes it with all below it; waits for the dying
/// at most `wait_ms`. Errors: EBUSY when something would not die in time.
Result<void> reclaim_cgroup(const sys::CgroupDir& parent, const std::string& name, int wait_ms);

}  // namespace shardrun::shard
