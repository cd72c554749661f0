#pragma once

#include <sys/types.h>

#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::shard {

/// A pidfd of the process that has `inner_pid` in the pid namespace of `init_pid` and is init's own
/// child. Errors: ESRCH when it is gone.
Result<sys::UniqueFd> open_inner_pidfd(pid_t init_pid, pid_t inner_pid);

}  // namespace shardrun::shard
