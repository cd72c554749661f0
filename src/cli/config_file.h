#pragma once

#include <string>
#include <string_view>

#include "shardrun/error.h"
#include "supervisor/config.h"

namespace shardrun::cli {

inline constexpr const char* kDefaultConfigPath = "/etc/shardrun/shardrun.toml";
inline constexpr std::size_t kConfigSizeMax = 1U << 20U;
/// Bounds how deep "a.b.c.…" can nest on one line: the parser's tables are freed recursively.
inline constexpr std::size_t kConfigLineSizeMax = 1024;

/// The text of a configuration file as settings: what it does not name keeps its default. Pure.
/// `file_name` is for sentences only. Errors: EINVAL and ERANGE as "FILE:LINE: KEY: WHY", ENOENT
/// for an unknown key or profile, EFBIG.
Result<supervisor::Config> parse_config(std::string_view text, std::string_view file_name);

}  // namespace shardrun::cli
