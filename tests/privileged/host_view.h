#pragma once

#include <sys/types.h>

#include <set>
#include <string>
#include <vector>

namespace shardrun::test {

/// What exists that shards could leave behind: processes, cgroups, mounts, namespaces. In the test
/// VM everything there is; on a machine that others use, processes and cgroups of one Testbed.
class HostView {
 public:
    /// `mark`: the name of the Testbed's cgroup.
    static HostView now(const std::string& mark);

    /// What is there now and was not then, one sentence each. The kernel takes some things apart
    /// after the last process is gone, so this waits a while for a difference to vanish.
    std::vector<std::string> left_since() const;

 private:
    std::string mark_;
    std::set<std::string> things_;
};

/// Names of the processes below the Testbed's cgroup.
std::vector<std::string> process_names(const std::string& mark);
/// How many descriptors a process has open.
std::size_t descriptors_of(pid_t pid);

}  // namespace shardrun::test
