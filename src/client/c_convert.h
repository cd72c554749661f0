#pragma once

#include <cstdint>
#include <span>

#include "shardrun/error.h"
#include "shardrun/messages.h"
#include "shardrun/shardrun.h"

/// C structs into messages, and back. Errors: EINVAL for a number that does not fit its field, with
/// the field's name.
namespace shardrun::client {

Result<ShardLimits> to_limits(const shardrun_limits& limits);
/// Null: nothing said.
Result<ShardOptions> to_options(const shardrun_options* options);
Result<ProgramOptions> to_program(const shardrun_program& program);
/// The three descriptors, or none. Errors: EINVAL when only some are there.
Result<std::span<const int>> to_stdio(const shardrun_program& program);
/// A client's own report of a shard.
Result<ShardStatus> to_report(std::uint64_t shard, std::uint64_t load, std::uint64_t queue);
Result<PrefetchRequest> to_hint(std::uint64_t shard, shardrun_blob_kind kind, const char* name,
                                std::uint64_t probability, std::uint64_t deadline_ms);
shardrun_exit from_exit(const ProgramExit& exit);

}  // namespace shardrun::client
