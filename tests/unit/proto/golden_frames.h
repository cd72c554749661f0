#pragma once

#include <map>
#include <string>

#include "shardrun/messages.h"

namespace shardrun::proto {

/// What each vector of tests/golden that is no refusal stands for.
std::map<std::string, Frame> golden_frames();

}  // namespace shardrun::proto
