#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "base/fail.h"
#include "cli/command.h"
#include "cli/did_you_mean.h"
#include "cli/output.h"
#include "cli/table.h"

namespace {

using namespace shardrun;
using namespace shardrun::cli;

/// A closed descriptor 0, 1 or 2 would be given to the next file that is opened, and what is meant
/// for standard output would land in it.
void fill_standard_descriptors() {
    int fd = 0;
    while (fd >= 0 && fd <= STDERR_FILENO) fd = ::open("/dev/null", O_RDWR);
    if (fd > STDERR_FILENO) (void)::close(fd);
}

std::string overview() {
    std::string text =
        "Usage: shardrun COMMAND [OPTION]... [ARGUMENT]...\n\n"
        "Runs programs in shards: isolated, limited, accounted for.\n\nCommands:\n";
    for (const Command& command : commands())
        text += fmt::format("  {:<8}  {}\n", command.name, command.summary);
    return text +
           "\nExamples:\n"
           "  sudo shardrun doctor\n"
           "  sudo shardrun run --memory 256M -- python3 -c 'print(6 * 7)'\n"
           "  shardrun COMMAND --help\n";
}

int unknown_command(std::string_view word) {
    std::vector<std::string_view> names;
    for (const Command& command : commands()) names.push_back(command.name);
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
    const auto command = std::ranges::find(commands(), name, &Command::name);
    if (command == commands().end()) return unknown_command(words[0]);
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
