#pragma once

#include "cli/embedded_supervisor.h"
#include "cli/option_parser.h"

namespace shardrun::cli {

/// The supervisor itself. Gives its exit status.
int serve_here(const Arguments& arguments, const MakeTrees& make_trees);

}  // namespace shardrun::cli
