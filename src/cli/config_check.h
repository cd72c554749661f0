#pragma once

#include <string_view>

#include "shardrun/error.h"
#include "supervisor/config.h"

/// What a key's text must look like beyond its length, and what the keys must be to each other. All
/// pure; the sentences continue "FILE:LINE: KEY: ".
namespace shardrun::cli {

Result<void> check_absolute_path(std::string_view text);
/// A path below the cgroup mount: relative, without "." or "..".
Result<void> check_cgroup_path(std::string_view text);
Result<void> check_group(std::string_view text);
Result<void> check_profile_name(std::string_view text);
Result<void> check_capability(std::string_view text);
Result<void> check_hostname(std::string_view text);
Result<void> check_cpuset(std::string_view text);
Result<void> check_io_limit(std::string_view text);
Result<void> check_origin(std::string_view text);

/// Bounds between keys, as "shard.seccomp_profile: …" without file and line.
Result<void> check_config(const supervisor::Config& config);

}  // namespace shardrun::cli
