#pragma once

#include <cstdint>

#include "policy/permission.h"
#include "shardrun/error.h"
#include "shardrun/messages.h"

namespace shardrun::policy {

/// `base` with everything that `wish` says in its place; io limits per device.
ShardLimits merge_limits(const ShardLimits& base, const ShardLimits& wish);

/// `limits` with nothing above `bound`; what is absent becomes the bound. For defaults, which are
/// nobody's wish and so are lowered instead of refused.
ShardLimits clamp_limits(const ShardLimits& limits, const ShardLimits& bound);

/// Values that the kernel would not take. Errors: EINVAL with the field and its range.
Result<void> check_limit_values(const ShardLimits& wish);

/// Errors: EDQUOT with the field, the wish and limits_max of the uid's rule.
Result<void> check_limits_allowed(const Grant& grant, const ShardLimits& wish);

/// Controller bits that enforcing these limits takes.
std::uint32_t controllers_needed(const ShardLimits& limits);

/// Errors: EOPNOTSUPP with the first limit that needs one of `missing`'s controllers, and the
/// remedy.
Result<void> check_controllers(const ShardLimits& limits, std::uint32_t missing);

}  // namespace shardrun::policy
