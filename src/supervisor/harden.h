#pragma once

#include "shardrun/error.h"
#include "supervisor/config.h"

namespace shardrun::supervisor {

/// Takes from this process what it never needs, for good: it cannot be read by others of its uid,
/// keeps the capabilities of `kept_capabilities` and no bounding set, gains none by an exec,
/// refuses itself the calls of `supervisor_profile`, makes no writable memory executable, and is
/// the last to be killed when the host runs out of memory. Only for a process that is the
/// supervisor and nothing else, and after its backend was made: a zygote that is restarted later
/// inherits all of it, but a first one need not. Errors: EPERM without root's privileges; what an
/// older kernel lacks (it then makes no memory executable, or lowers its own score) is left out.
Result<void> harden_process(const Config& config);

}  // namespace shardrun::supervisor
