#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "shardrun/error.h"
#include "shardrun/unique_fd.h"

namespace shardrun::bench {

/// The null device, which is every launch's stdio.
int null_device();

/// A child with /dev/null as stdio, by posix_spawn(3), which is vfork and exec. `opened_at_9`: a
/// file that it finds open as descriptor 9; empty: none.
Result<pid_t> spawn(const std::vector<std::string>& argv, const std::string& opened_at_9 = "");
/// Waits for its end. Errors: ECHILD, EIO when it did not end with status 0.
Result<void> await_success(pid_t pid, const std::string& name);
/// The full path of a program in PATH; empty when there is none.
std::string find_program(const std::string& name);

/// A folder below the temporary one, removed with all that is in it.
class TempFolder {
 public:
    TempFolder();
    ~TempFolder();
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    const std::string& path() const { return path_; }

 private:
    std::string path_;
};

}  // namespace shardrun::bench
