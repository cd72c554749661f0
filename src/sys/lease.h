#pragma once

#include "shardrun/error.h"

namespace shardrun::sys {

/// Proves that nobody but `file` has its inode open, and keeps it so while it lives: whoever opens
/// the file afterwards is counted before anything else happens to it. `file` must be open for
/// writing and be the only descriptor of its own. Source: F_SETLEASE in fcntl(2).
class SoleOpener {
 public:
    /// Errors: EAGAIN when somebody has it open, runs it or maps it; EACCES without CAP_LEASE when
    /// the file is another user's.
    static Result<SoleOpener> prove(int file);

    SoleOpener(SoleOpener&& other) noexcept;
    SoleOpener& operator=(SoleOpener&&) = delete;
    SoleOpener(const SoleOpener&) = delete;
    SoleOpener& operator=(const SoleOpener&) = delete;
    ~SoleOpener();

 private:
    explicit SoleOpener(int file) : file_(file) {}
    int file_;  // Borrowed; outlives the object.
};

/// Nobody has the inode of `file`, which is open for reading only, open for writing. Errors: EAGAIN
/// when somebody has; EACCES as above.
Result<void> prove_no_writer(int file);

}  // namespace shardrun::sys
