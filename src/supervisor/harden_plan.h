#pragma once

#include <cstdint>

#include "seccomp/profile.h"
#include "supervisor/config.h"

namespace shardrun::supervisor {

/// The capabilities that the supervisor and a zygote that it restarts need, and those that the
/// configuration lets shards have: bit n is capability number n. Pure.
std::uint64_t kept_capabilities(const Config& config);

/// What the supervisor never calls is refused with EPERM; all else is allowed. A restarted zygote
/// and its shards inherit the filter, so calls that a configured seccomp profile or capability
/// could open to a shard are refused only when there is none. Pure.
seccomp::Profile supervisor_profile(const Config& config);

}  // namespace shardrun::supervisor
