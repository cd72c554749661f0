#pragma once

#include <string>
#include <vector>

#include "shardrun/error.h"

namespace shardrun::cli {

/// Where a program of ours may lie: beside the running one, then where it is installed. Beside
/// first: a build's command must not use an installed program.
std::vector<std::string> places_of(const std::string& program);

/// The first of these that can be executed. Errors: ENOENT.
Result<std::string> find_program(const std::string& program);

}  // namespace shardrun::cli
