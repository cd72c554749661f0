#pragma once

#include <string>
#include <vector>

namespace shardrun::cli {

/// Where a program of ours may lie: beside the running one, then where it is installed. Beside
/// first: a build's command must not use an installed program.
std::vector<std::string> places_of(const std::string& program);

}  // namespace shardrun::cli
