#pragma once

#include "shardrun/error.h"
#include "sys/directory.h"

namespace shardrun::sys {

enum class LockMode { shared, exclusive };

/// Holds flock(2) on an open file of its own until it goes, or the process does.
class FileLock {
 public:
    /// Waits for it. The file is made when it is missing.
    static Result<FileLock> wait(const Directory& folder, const std::string& name, LockMode mode);
    /// Takes it if it is free. Errors: EWOULDBLOCK, ENOENT: the file must be there.
    static Result<FileLock> try_existing(const Directory& folder, const std::string& name,
                                         LockMode mode);
    /// A new file, locked from the moment others can see that it is. Errors: EEXIST.
    static Result<FileLock> create(const Directory& folder, const std::string& name);

    int fd() const { return fd_.get(); }

 private:
    explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}

    UniqueFd fd_;  // Close-on-exec: a child that lives on holds nothing.
};

}  // namespace shardrun::sys
