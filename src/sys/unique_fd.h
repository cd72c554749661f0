#pragma once

#include "shardrun/unique_fd.h"

namespace shardrun::sys {

/// The owner of a descriptor, as clients of the library see it too.
using shardrun::UniqueFd;

}  // namespace shardrun::sys
