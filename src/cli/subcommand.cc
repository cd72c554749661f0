#include "cli/subcommand.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/fail.h"
#include "cli/did_you_mean.h"
#include "cli/output.h"
#include "cli/table.h"

namespace shardrun::cli {
namespace {

std::string overview(const CommandGroup& group) {
    std::string text =
        fmt::format("Usage: shardrun {} COMMAND [OPTION]... [ARGUMENT]...\n\n{}\n\nCommands:\n",
                    group.name, group.purpose);
    for (const Command& command : group.commands)
        text += fmt::format("  {:<8}  {}\n", command.name, command.summary);
    return text +
           fmt::format("\nExamples:\n{}  shardrun {} COMMAND --help\n", group.examples, group.name);
}

}  // namespace

int run_group(const CommandGroup& group, const Arguments& arguments) {
    if (arguments.empty()) {
        complain(fmt::format("the command is missing: see 'shardrun {} --help'", group.name));
        return kUsage;
    }
    const std::string& word = arguments.front();
    if (word == "--help" || word == "-h" || word == "help") return finish_with(overview(group));
    const auto command = std::ranges::find(group.commands, word, &Command::name);
    if (command != group.commands.end())
        return command->run(Arguments(arguments.begin() + 1, arguments.end()));
    std::vector<std::string_view> names;
    for (const Command& each : group.commands) names.push_back(each.name);
    complain(fmt::format("'{} {}' is no command{}: see 'shardrun {} --help'", group.name,
                         printable(word), did_you_mean(word, names), group.name));
    return kUsage;
}

}  // namespace shardrun::cli
