#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::sys {

/// One directory of cgroup v2, held open: a cgroup that was removed and made anew under the same
/// name cannot be mistaken for it. Destroying the object leaves the cgroup; `remove` takes it away.
/// Source: cgroups(7).
class CgroupDir {
 public:
    CgroupDir() = default;

    /// Opens the directory of a cgroup2 file system that `path` names. Errors: ENOENT, ENOTDIR.
    static Result<CgroupDir> open(const std::string& path);

    /// Makes a child, or opens it if it is there. Errors: EEXIST only with `must_be_new`, EACCES,
    /// EAGAIN at a limit.
    Result<CgroupDir> make_child(const std::string& name, bool must_be_new) const;
    Result<CgroupDir> open_child(const std::string& name) const;

    /// Writes one attribute ("memory.max") in a single write(2). Errors: ENOENT when the controller
    /// is not enabled, EINVAL, ERANGE from the kernel.
    Result<void> write(const std::string& attribute, std::string_view value) const;

    /// At most 64 KiB of one attribute. Errors: ENOENT as for write.
    Result<std::string> read(const std::string& attribute) const;

    /// Kills every process of this cgroup and of those below.
    Result<void> kill() const;

    /// Names of the child cgroups.
    Result<std::vector<std::string>> children() const;

    /// Removes an empty child. Errors: EBUSY while processes or children are in it; ENOENT is
    /// success.
    Result<void> remove_child(const std::string& name) const;

    /// An exclusive lock that this open directory holds until it is closed, by death too. False:
    /// another has it.
    Result<bool> try_lock() const;

    int fd() const { return fd_.get(); }
    const std::string& path() const { return path_; }
    explicit operator bool() const { return static_cast<bool>(fd_); }

 private:
    CgroupDir(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

    std::string path_;
    UniqueFd fd_;
};

}  // namespace shardrun::sys
