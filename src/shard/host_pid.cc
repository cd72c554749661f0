#include "shard/host_pid.h"

#include <poll.h>

#include <fstream>
#include <sstream>
#include <string>

#include "base/fail.h"
#include "sys/pidfd.h"

namespace shardrun::shard {
namespace {

/// The last number of the line "NSpid: outer … inner" of a status file.
pid_t inner_pid_of(pid_t host_pid) {
    std::ifstream file(fmt::format("/proc/{}/status", host_pid));
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with("NSpid:")) continue;
        std::istringstream numbers(line.substr(6));
        pid_t last = 0;
        for (pid_t number = 0; numbers >> number;) last = number;
        return last;
    }
    return 0;
}

bool is_alive(int pidfd) {
    pollfd ended{pidfd, POLLIN, 0};
    return ::poll(&ended, 1, 0) == 0;
}

}  // namespace

Result<sys::UniqueFd> open_inner_pidfd(int init_pidfd, pid_t init_pid, pid_t inner_pid) {
    std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", init_pid));
    for (pid_t child = 0; children >> child;) {
        if (inner_pid_of(child) != inner_pid) continue;
        Result<sys::UniqueFd> pidfd = sys::open_pidfd(child);
        // A number could have gone to another process since it was read, init's own too: then these
        // were the children of somebody else's.
        if (pidfd && inner_pid_of(child) == inner_pid && is_alive(init_pidfd)) return pidfd;
    }
    return fail(ESRCH, "find process {} of a shard", inner_pid);
}

}  // namespace shardrun::shard
