#pragma once

#include <vector>

#include "bench/contender.h"
#include "bench/sample.h"

namespace shardrun::bench {

/// One launch of each contender per round, in turns, so that noise hits all of them alike; after
/// each a pause, in which what it left behind is cleared away.
Result<std::vector<Sample>> measure_latency(const std::vector<Contender>& contenders,
                                            unsigned rounds);

/// Launches per second of one contender over `seconds`, with `in_flight` at once.
Result<double> measure_rate(const Contender& contender, unsigned in_flight, unsigned seconds);

}  // namespace shardrun::bench
