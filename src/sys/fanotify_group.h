#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::sys {

/// What a group is asked about.
enum class FanotifyUse {
    permission,  ///< an open of a marked file waits for an answer
    notice,      ///< an open of a marked file is told afterwards
};

/// An open of a marked file. The descriptor reads the file; for a permission its number names the
/// open that waits, so it is closed only after the answer.
struct OpenEvent {
    UniqueFd file;
    pid_t pid = 0;  ///< of the opener's process as we see it; 0: outside our pid namespace
};

/// A fanotify group for opens. Its queue and its marks have no bound, for the kernel lets an open
/// pass that finds the queue full. The same happens to all that wait when the last descriptor of
/// the group closes. Needs CAP_SYS_ADMIN. Source: fanotify(7), fanotify_init(2), fanotify_mark(2).
class FanotifyGroup {
 public:
    static Result<FanotifyGroup> create(FanotifyUse use);
    /// Goes on with a group that another process made.
    FanotifyGroup(UniqueFd fd, FanotifyUse use) : fd_(std::move(fd)), use_(use) {}

    /// To be polled for EPOLLIN.
    int fd() const { return fd_.get(); }

    /// Asks about opens of the open file `file`.
    Result<void> mark(int file) const;
    /// The same by name; the last part is no symbolic link.
    Result<void> mark_at(int directory, const std::string& name) const;
    /// No longer. One that waits already goes on waiting for its answer. A file without a mark is
    /// fine.
    Result<void> unmark_at(int directory, const std::string& name) const;
    /// Opens through this very mount are never asked about, whatever is marked; through its clones
    /// they are.
    Result<void> ignore_mount(int mount) const;

    /// What happened, at most `count_max`; empty: nothing. An open whose event finds no free
    /// descriptor is denied by the kernel.
    Result<std::vector<OpenEvent>> read(std::size_t count_max) const;

    /// Answers the open with this event number. Errors: ENOENT when none waits under it.
    Result<void> allow(int event) const;
    /// `code` is what the opener sees, where the kernel can say it (Linux 6.13, and only EIO,
    /// EBUSY, ETXTBSY, EAGAIN, ENOSPC, EDQUOT); else EPERM.
    Result<void> deny(int event, int code) const;

    /// The inodes that are marked, as the kernel lists them in /proc/self/fdinfo.
    Result<std::vector<ino_t>> marked_inodes() const;

 private:
    Result<void> change(unsigned flags, int directory, const char* name) const;
    Result<void> answer(int event, std::uint32_t response) const;

    UniqueFd fd_;
    FanotifyUse use_;
};

/// The inode numbers in the text of a group's /proc/self/fdinfo. Pure.
std::vector<ino_t> parse_marked_inodes(const std::string& fdinfo);

}  // namespace shardrun::sys
