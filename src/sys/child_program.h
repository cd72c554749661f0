#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <vector>

#include "shardrun/error.h"

namespace shardrun::sys {

/// A descriptor of ours and the number the program finds it under.
struct PassedFd {
    int own = -1;
    int number = -1;
};

/// A program that we started and wait for. When the object goes first, the program is killed.
class ChildProgram {
 public:
    /// With an empty environment; 0 and 1 are /dev/null, 2 as well unless `shares_stderr`; else
    /// only the descriptors of `passed`, which come after 2. Errors: ENOENT, EACCES.
    static Result<ChildProgram> start(const std::string& path, std::vector<std::string> argv,
                                      std::span<const PassedFd> passed, bool shares_stderr);

    ChildProgram(ChildProgram&& other) noexcept;
    ChildProgram& operator=(ChildProgram&&) = delete;
    ChildProgram(const ChildProgram&) = delete;
    ChildProgram& operator=(const ChildProgram&) = delete;
    ~ChildProgram();

    /// Waits for its end. Empty: it ended with status 0; else how it ended, "killed by SIGSYS".
    Result<std::string> wait();
    void kill() const;

 private:
    explicit ChildProgram(pid_t pid) : pid_(pid) {}

    pid_t pid_ = -1;  // -1: reaped, or moved from.
};

}  // namespace shardrun::sys
