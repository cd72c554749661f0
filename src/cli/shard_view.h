#pragma once

#include <span>
#include <string>
#include <vector>

#include "shardrun/messages.h"

/// What commands print for people, and, with tabs, for simple programs. Pure.
namespace shardrun::cli {

/// `shardrun ls`: one row per shard.
std::string render_list(std::span<const ShardAssignment> shards, bool for_people);

/// `shardrun inspect`: everything about one shard, a line for each thing.
std::string render_shard(const ShardAssignment& shard, bool for_people);

/// `shardrun stats`: one row per shard.
std::string render_stats(std::span<const ShardStatus> statuses, bool for_people);

/// `shardrun events`: one line. `time`: as it shall be shown.
std::string render_event(const ShardAssignment& event, const std::string& time);

/// One line per limit and option: name, what is in force, and whether the host enforces it. Used by
/// inspect and by run's report.
std::vector<std::vector<std::string>> limit_rows(const ShardLimits& limits,
                                                 std::uint32_t unenforced);

}  // namespace shardrun::cli
