#include "cli/command.h"

#include <array>

#include "cli/output.h"

namespace shardrun::cli {
namespace {

constexpr std::array<Command, 11> kCommands{{
    {"run", "run a program in a new shard", run_command},
    {"exec", "run a program in a shard that exists", exec_command},
    {"ls", "list shards", ls_command},
    {"inspect", "show everything about a shard", inspect_command},
    {"stats", "show what shards use", stats_command},
    {"events", "show what happens to shards", events_command},
    {"kill", "send a signal to a shard's programs", kill_command},
    {"release", "give shards back", release_command},
    {"serve", "be the supervisor", serve_command},
    {"doctor", "say what this host can do and what mends the rest", doctor_command},
    {"version", "show the version", version_command},
}};

}  // namespace

std::span<const Command> commands() {
    return kCommands;
}

std::optional<int> parse_or_status(OptionParser& parser, const Arguments& arguments) {
    const auto is_ready = parser.parse(arguments);
    if (!is_ready) {
        complain(is_ready.error().message);
        return kUsage;
    }
    if (*is_ready) return std::nullopt;
    return finish_with(parser.help());
}

int finish_with(const Result<std::string>& text) {
    if (!text) {
        complain(text.error().message);
        return kFailure;
    }
    if (const auto printed = print(*text); !printed) {
        complain(printed.error().message);
        return kFailure;
    }
    return kSuccess;
}

}  // namespace shardrun::cli
