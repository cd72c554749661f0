#include <signal.h>

#include "base/fail.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/quantity.h"
#include "cli/run_plan.h"
#include "cli/supervisor_socket.h"

/// `shardrun kill` and `shardrun release`.
namespace shardrun::cli {
namespace {

// Giving a shard back means that nothing is left of it; a stubborn one takes a while.
constexpr Timeout kReleaseTime{60000};
constexpr Timeout kAnswerTime{10000};

struct ControlOptions {
    std::optional<std::string> socket;
    std::optional<std::string> signal;
    std::vector<std::string> operands;
};

Result<ProgramId> parse_program_id(std::string_view text) {
    const auto number = parse_count(text, 1, INT64_MAX);
    if (!number)
        return refuse(EINVAL,
                      "'{}' is not the number of a program: 'shardrun inspect SHARD' shows them",
                      text);
    return ProgramId{*number};
}

Result<std::string> kill(const ControlOptions& options) {
    int signal_number = SIGTERM;
    if (options.signal) {
        SR_TRY(signal_number, while_doing(parse_signal(*options.signal), "--signal"));
    }
    SR_TRY(const ShardId shard, parse_shard_id(options.operands[0]));
    ProgramId program{};
    if (options.operands.size() > 1) {
        SR_TRY(program, parse_program_id(options.operands[1]));
    }
    SR_TRY(Client client, connect_supervisor(options.socket));
    SR_DO(client.signal(shard, program, signal_number, kAnswerTime));
    return std::string();
}

Result<std::string> release(const ControlOptions& options) {
    std::vector<ShardId> shards;
    for (const std::string& text : options.operands) {
        SR_TRY(const ShardId shard, parse_shard_id(text));
        shards.push_back(shard);
    }
    SR_TRY(Client client, connect_supervisor(options.socket));
    for (const ShardId shard : shards) {
        SR_DO(client.release(shard, kReleaseTime));
    }
    return std::string();
}

}  // namespace

int kill_command(const Arguments& arguments) {
    ControlOptions options;
    OptionParser parser({"kill", "[OPTION]... SHARD [PROGRAM]",
                         "Sends a signal, SIGTERM by default, to one program or to all of a shard.",
                         "  shardrun kill 7\n"
                         "  shardrun kill --signal KILL 7 3\n"});
    parser.text("--signal", "SIGNAL", options.signal, "name or number; default TERM");
    parser.text("--socket", "PATH", options.socket, "the supervisor's socket");
    parser.operands("SHARD", options.operands, 1, 2);
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    return finish_with(kill(options));
}

int release_command(const Arguments& arguments) {
    ControlOptions options;
    OptionParser parser({"release", "[OPTION]... SHARD...",
                         "Ends shards with all that runs in them, and waits until nothing is left.",
                         "  shardrun release 7\n"
                         "  shardrun release $(shardrun ls | cut -f1)\n"});
    parser.text("--socket", "PATH", options.socket, "the supervisor's socket");
    parser.operands("SHARD", options.operands, 1, 4096);
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    return finish_with(release(options));
}

}  // namespace shardrun::cli
