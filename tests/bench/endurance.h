#pragma once

#include <string>
#include <vector>

#include "bench/options.h"
#include "bench/sample.h"
#include "bench/verdict.h"
#include "shardrun/error.h"

namespace shardrun::bench {

/// What a part that is not a comparison found.
struct Endurance {
    std::vector<Sample> samples;
    std::vector<Verdict> verdicts;
};

/// Launches in a row through one supervisor, and what is left of them.
Result<Endurance> measure_soak(const Options& options, const std::string& folder);

/// A supervisor with many shards in which nothing happens.
Result<Endurance> measure_idle(const Options& options, const std::string& folder);

}  // namespace shardrun::bench
