#pragma once

#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::sys {

/// A fresh network namespace with nothing but loopback, up, and every port free to all. This thread
/// leaves its own for a moment to make it; nothing else of the process may touch the network
/// meanwhile. Lives until its last descriptor and process are gone. Errors: EPERM without
/// CAP_SYS_ADMIN, ENOSPC at user.max_net_namespaces.
Result<UniqueFd> make_network_namespace();

}  // namespace shardrun::sys
