#pragma once

#include <string>
#include <vector>

#include "replay/replay_trace.h"

/// What `shardrun replay` prints. Pure.
namespace shardrun::cli {

/// One row for each policy.
std::string render_replay(const std::vector<replay::ReplayResult>& results, bool for_people);

/// An array of objects, or the only object itself without `is_list`.
std::string render_replay_json(const std::vector<replay::ReplayResult>& results, bool is_list);

}  // namespace shardrun::cli
