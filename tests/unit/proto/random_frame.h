#pragma once

#include "base/rng.h"
#include "shardrun/messages.h"

namespace shardrun::proto {

/// A frame that keeps every rule; all messages and alternatives come up, each optional field half
/// of the time.
Frame random_frame(Rng& rng);

}  // namespace shardrun::proto
