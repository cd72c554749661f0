#pragma once

#include <optional>
#include <string>
#include <vector>

#include "replay/replay_trace.h"
#include "shardrun/error.h"

namespace shardrun::cli {

/// The options of `shardrun replay` as they were written.
struct ReplayOptions {
    std::vector<std::string> evict;
    std::optional<std::string> cache_objects;
    std::optional<std::string> cache_bytes;
    std::optional<std::string> cache_percent;
    std::optional<std::string> predict;
    std::optional<std::string> limit;
    bool json = false;
};

/// What they mean. Pure. Errors: EINVAL, ERANGE, with the option.
Result<replay::ReplayPlan> plan_replay(const ReplayOptions& options);

/// Whether a list of results was asked for, even if it is a list of one.
bool is_list_wanted(const ReplayOptions& options);

}  // namespace shardrun::cli
