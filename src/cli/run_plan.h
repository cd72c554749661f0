#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/option_parser.h"
#include "cli/quantity.h"
#include "shardrun/error.h"
#include "shardrun/messages.h"

namespace shardrun::cli {

enum class TtyMode : std::uint8_t { automatic, always, never };
enum class Embedding : std::uint8_t { automatic, always, never };

/// What `shardrun run` and `shardrun exec` were asked to do.
struct RunPlan {
    ResourceRequest::Run run;  ///< its terminal is set later, when the window's size is known
    std::string profile = "default";
    std::optional<std::string> socket;
    Embedding embedding = Embedding::automatic;
    TtyMode tty = TtyMode::automatic;
    bool best_effort = false;
    bool wants_report = false;
    std::optional<std::string> info_path;
    std::optional<std::string> seccomp_path;  ///< a file instead of a profile's name
    std::optional<std::string> config_path;
    std::optional<std::string> store_path;     ///< instead of the configuration's
    std::vector<std::string> origins;          ///< instead of the configuration's; empty: those
    std::optional<std::string> prefetch_path;  ///< of a list, see prefetch_list.h
    std::vector<std::string> prefetch;         ///< what that says
    bool prefetch_wait = false;
    std::optional<std::string> record_path;
    std::optional<std::chrono::milliseconds> timeout;
};

/// What a plan takes from the host. Tests give their own.
struct PlanHost {
    DeviceResolver resolve_device;
    /// A variable of our own environment, for `--env NAME`.
    std::function<std::optional<std::string>(const std::string&)> variable;
};

/// The text that `--help` asked for, or the plan.
struct RunCommandLine {
    std::optional<std::string> help;
    RunPlan plan;
};

/// The command line of `shardrun run`. Pure but for `host`. Errors: EINVAL, ERANGE and those of
/// `host`, with one sentence.
Result<RunCommandLine> parse_run(const Arguments& arguments, const PlanHost& host);
/// The command line of `shardrun exec`.
Result<RunCommandLine> parse_exec(const Arguments& arguments, const PlanHost& host);

/// "7" as the number that `shardrun ls` shows. Errors: EINVAL.
Result<ShardId> parse_shard_id(std::string_view text);

}  // namespace shardrun::cli
