#pragma once

#include <sys/types.h>

#include <string>

#include "shardrun/error.h"

namespace shardrun::bench {

/// A mount namespace of our own in which /sys/fs/cgroup is one empty cgroup of version 2: crun and
/// runc refuse, or take version 1, where both versions are mounted. For this process and its
/// children.
class PrivateView {
 public:
    /// Errors: EPERM without root, ENOENT without cgroup v2.
    static Result<PrivateView> enter();
    ~PrivateView();
    PrivateView(PrivateView&& other) noexcept;
    PrivateView& operator=(PrivateView&&) = delete;
    PrivateView(const PrivateView&) = delete;
    PrivateView& operator=(const PrivateView&) = delete;

 private:
    PrivateView(int parent, std::string name) : parent_(parent), name_(std::move(name)) {}

    int parent_ = -1;  ///< directory that holds the cgroup
    std::string name_;
};

/// Processes started from now on are disturbed by no others: latencies are of what is measured.
/// Errors: EPERM.
Result<void> raise_priority();
/// The same for the zygote of a supervisor, which gives such a priority up by itself: shards must
/// not inherit it, but here what they are compared with has it too.
Result<void> raise_priority_of_children(pid_t parent);
/// Likewise a fair share of the processors as large as ours.
void share_with_children(pid_t parent);
/// Back to fair scheduling, before other programs but together with the kernel's own threads, which
/// sustained load needs: they take dead namespaces apart.
Result<void> lower_priority();

}  // namespace shardrun::bench
