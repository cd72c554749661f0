#pragma once

#include <string>

#include "cli/run_session.h"
#include "shardrun/error.h"

/// What `shardrun run` tells about the shard it used.
namespace shardrun::cli {

/// The table of --report, for a run whose program started. Pure.
std::string render_report(const RunOutcome& outcome);

/// The object of --json-info. Pure.
std::string report_json(const RunOutcome& outcome);

/// Replaces the file. Errors: those of open(2) and write(2).
Result<void> write_file(const std::string& path, const std::string& text);

}  // namespace shardrun::cli
