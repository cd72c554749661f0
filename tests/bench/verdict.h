#pragma once

#include <string>
#include <vector>

#include "bench/sample.h"

namespace shardrun::bench {

/// One promised number beside what was measured.
struct Verdict {
    std::string claim;
    std::string measured;
    std::string bound;
    bool is_met = false;
};

/// The numbers to reach that follow from the alternating run and the rates; those whose samples are
/// missing are left out.
std::vector<Verdict> judge_launches(const std::vector<Sample>& samples);

}  // namespace shardrun::bench
