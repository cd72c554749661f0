#include "cli/command.h"

/// `shardrun version`.
namespace shardrun::cli {

int version_command(const Arguments& arguments) {
    OptionParser parser({"version", "", "Shows the version.", "  shardrun version\n"});
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    return finish_with("shardrun " SHARDRUN_VERSION "\n");
}

}  // namespace shardrun::cli
