#pragma once

#include "shardrun/error.h"

namespace shardrun::streamer {

/// From now on no thread of the process can do more than read, write, wait and use memory: it opens
/// nothing, starts nothing, connects to nothing.
Result<void> confine();

}  // namespace shardrun::streamer
