#pragma once

#include <vector>

#include "supervisor/manager.h"

namespace shardrun::supervisor {

/// The order in which the actions of one step are performed fastest for those who wait: programs
/// that need not wait for a shard of the same step first, then the frames to clients, then the
/// rest; each group in the manager's own order. Pure.
std::vector<Action> order_actions(std::vector<Action> actions);

}  // namespace shardrun::supervisor
