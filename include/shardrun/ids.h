#pragma once

#include <cstdint>

namespace shardrun {

/// Distinct types, so that one id cannot pass for another. 0 means "none" or "not yet" in each.
/// ShardId and ProgramId are given by the manager and never reused while it lives.
enum class ShardId : std::uint64_t {};
enum class ProgramId : std::uint64_t {};

}  // namespace shardrun
