#pragma once

#include <functional>

#include "cli/embedded_supervisor.h"
#include "cli/option_parser.h"
#include "shardrun/error.h"

namespace shardrun::cli {

/// What the running program has for `shardrun run`.
struct RunHost {
    /// None: this program cannot read stores.
    MakeTrees make_trees;
    /// Becomes the one that can. Returns only when that failed.
    std::function<Error(const Arguments& arguments)> become_other;
};

/// `shardrun run` in this process. Gives its exit status.
int run_here(const Arguments& arguments, const RunHost& host);

}  // namespace shardrun::cli
