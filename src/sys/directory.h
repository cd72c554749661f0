#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::sys {

/// An open directory; names below it are resolved from the descriptor and never through a symbolic
/// link in their last part.
class Directory {
 public:
    /// Errors: ENOENT, ENOTDIR, EACCES.
    static Result<Directory> open(const std::string& path);
    /// Makes what is missing of the path, each with `mode`, durably, and opens the last.
    static Result<Directory> make_path(const std::string& path, mode_t mode);

    /// Opens the directory `name`, made before when it is missing. Its name is durable.
    Result<Directory> make(const std::string& name, mode_t mode) const;
    Result<Directory> open_directory(const std::string& name) const;
    /// openat(2) with O_CLOEXEC and O_NOFOLLOW added.
    Result<UniqueFd> open_file(const std::string& name, int flags, mode_t mode = 0) const;
    /// The names in it without "." and "..", sorted.
    Result<std::vector<std::string>> names() const;
    /// False when there was nothing of that name.
    Result<bool> remove_file(const std::string& name) const;
    /// rename(2) within it: replaces what has the new name.
    Result<void> rename(const std::string& from, const Directory& to_folder,
                        const std::string& to) const;
    /// Makes its names durable.
    Result<void> sync() const;

    int fd() const { return fd_.get(); }
    /// As it was opened; for messages.
    const std::string& path() const { return path_; }

 private:
    Directory(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

    std::string path_;
    UniqueFd fd_;
};

}  // namespace shardrun::sys
