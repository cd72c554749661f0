#pragma once

#include <span>
#include <string_view>

#include "cli/command.h"

namespace shardrun::cli {

/// A command that is several, by its first word: `shardrun image import`.
struct CommandGroup {
    std::string_view name;     ///< "image"
    std::string_view purpose;  ///< one or two sentences
    std::span<const Command> commands;
    std::string_view examples;  ///< whole lines
};

/// Runs the one that is meant, or shows which there are. Gives the exit status.
int run_group(const CommandGroup& group, const Arguments& arguments);

}  // namespace shardrun::cli
