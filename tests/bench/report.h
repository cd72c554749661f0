#pragma once

#include <string>
#include <vector>

#include "bench/sample.h"
#include "bench/verdict.h"

namespace shardrun::bench {

/// Every sample with its times and its ratio to "bare".
std::string render_table(const std::vector<Sample>& samples);
/// Each promised number, and whether it was reached.
std::string render_verdicts(const std::vector<Verdict>& verdicts);
/// An array of {name, p50_us, p99_us, per_second}; per_second is null where it was not measured.
std::string render_json(const std::vector<Sample>& samples);

}  // namespace shardrun::bench
