#pragma once

#include <sys/types.h>

#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::sys {

/// Holds a process against reuse of its pid; readable once it has ended.
/// Errors: ESRCH when it is gone.
Result<UniqueFd> open_pidfd(pid_t pid);

}  // namespace shardrun::sys
