#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/host_judgement.h"
#include "shardrun/messages.h"

/// What commands print with --json: the messages' fields by their names, absent ones left out,
/// sizes in bytes, times in microseconds, enumerations as words. Pure.
namespace shardrun::cli {

nlohmann::ordered_json to_json(const ShardLimits& limits);
nlohmann::ordered_json to_json(const ShardOptions& options);
nlohmann::ordered_json to_json(const ProgramExit& exit);
nlohmann::ordered_json to_json(const ShardAssignment& assignment);
nlohmann::ordered_json to_json(const ShardStatus& status);
nlohmann::ordered_json to_json(const Finding& finding);

/// As text; bytes of names that are not UTF-8 are replaced, for JSON cannot carry them. On one line
/// without `is_pretty`.
std::string dump(const nlohmann::ordered_json& value, bool is_pretty);

}  // namespace shardrun::cli
