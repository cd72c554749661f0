#pragma once

#include <cstdint>
#include <optional>

#include "shardrun/messages.h"
#include "shardrun/shardrun.h"

namespace shardrun::client {

/// The number that C calls `which`; none when this message does not carry it.
std::optional<std::uint64_t> number_in(const Message& message, shardrun_number which);

/// The limits that a message tells, or null.
const ShardLimits* limits_in(const Message& message);

}  // namespace shardrun::client
