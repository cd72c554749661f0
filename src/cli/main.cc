#include <algorithm>
#include <array>
#include <exception>
#include <string>
#include <string_view>

#include "base/fail.h"
#include "cli/command.h"
#include "cli/did_you_mean.h"
#include "cli/output.h"
#include "cli/table.h"

namespace {

using namespace shardrun;
using namespace shardrun::cli;

constexpr std::array<Command, 14> kCommands{{
    {"run", "run a program in a new shard", run_command},
    {"exec", "run a program in a shard that exists", exec_command},
    {"ls", "list shards", ls_command},
    {"inspect", "show everything about a shard", inspect_command},
    {"stats", "show what shards use", stats_command},
    {"events", "show what happens to shards", events_command},
    {"kill", "send a signal to a shard's programs", kill_command},
    {"release", "give shards back", release_command},
    {"serve", "be the supervisor", serve_command},
    {"image", "import, list, check and export images", image_command},
    {"blob", "put, get, list and remove blobs of the store", blob_command},
    {"replay", "let caches meet a recorded trace", replay_command},
    {"doctor", "say what this host can do and what mends the rest", doctor_command},
    {"version", "show the version", version_command},
}};

std::string overview() {
    std::string text =
        "Usage: shardrun COMMAND [OPTION]... [ARGUMENT]...\n\n"
        "Runs programs in shards: isolated, limited, accounted for.\n\nCommands:\n";
    for (const Command& command : kCommands)
        text += fmt::format("  {:<8}  {}\n", command.name, command.summary);
    return text +
           "\nExamples:\n"
           "  sudo shardrun doctor\n"
           "  sudo shardrun run --memory 256M -- python3 -c 'print(6 * 7)'\n"
           "  shardrun COMMAND --help\n";
}

int unknown_command(std::string_view word) {
    std::array<std::string_view, kCommands.size()> names;
    std::ranges::transform(kCommands, names.begin(), &Command::name);
    complain(fmt::format("'{}' is no command{}: see 'shardrun --help'", printable(word),
                         did_you_mean(word, names)));
    return kUsage;
}

int run_main(const Arguments& words) {
    if (words.empty()) {
        complain("the command is missing: see 'shardrun --help'");
        return kUsage;
    }
    if (words[0] == "--help" || words[0] == "-h" || words[0] == "help")
        return finish_with(overview());
    const std::string name = words[0] == "--version" ? "version" : words[0];
    const auto command = std::ranges::find(kCommands, name, &Command::name);
    if (command == kCommands.end()) return unknown_command(words[0]);
    return command->run(Arguments(words.begin() + 1, words.end()));
}

}  // namespace

int main(int argc, char** argv) {
    fill_standard_descriptors();
    try {
        return run_main(Arguments(argv + std::min(argc, 1), argv + argc));
    } catch (const std::exception& exception) {
        // Nothing throws across our rooms; this is the standard library out of memory.
        complain(exception.what());
        return 125;
    }
}
