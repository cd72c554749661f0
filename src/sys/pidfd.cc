#include "sys/pidfd.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "base/fail.h"

namespace shardrun::sys {

Result<UniqueFd> open_pidfd(pid_t pid) {
    // glibc 2.36 declares pidfd_open without C linkage.
    UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!fd) return fail_errno("hold process {}", pid);
    return fd;
}

}  // namespace shardrun::sys
