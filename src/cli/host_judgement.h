#pragma once

#include <string>
#include <vector>

#include "sys/probe.h"

namespace shardrun::cli {

enum class Verdict { ok, note, missing };

/// One line of `shardrun doctor`.
struct Finding {
    std::string feature;
    Verdict verdict = Verdict::ok;  ///< missing: a shard cannot be what it promises without it
    std::string status;             ///< what was found
    std::string remedy;             ///< what mends it; empty when nothing needs to be

    bool operator==(const Finding&) const = default;
};

/// What the facts mean for shards, one finding per feature, controller and limit, always in the
/// same order. Pure.
std::vector<Finding> judge_host(const sys::HostFacts& facts);

/// Whether nothing is missing.
bool is_fit(const std::vector<Finding>& findings);

}  // namespace shardrun::cli
