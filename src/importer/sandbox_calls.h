#pragma once

#include "seccomp/profile.h"

namespace shardrun::importer {

/// The system calls that reading, unpacking and sending on take; everything else fails with EPERM,
/// and what only an attack would try ends the process. `for_sanitizer`: with what that needs.
seccomp::Profile allowed_calls(bool for_sanitizer);

}  // namespace shardrun::importer
