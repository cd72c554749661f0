#pragma once

#include <sys/types.h>

#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::shard {

/// A pidfd of the process that has `inner_pid` in the pid namespace of an init and is its own
/// child. `init_pidfd` and `init_pid` name the same init. Errors: ESRCH when one of them is gone.
Result<sys::UniqueFd> open_inner_pidfd(int init_pidfd, pid_t init_pid, pid_t inner_pid);

}  // namespace shardrun::shard
