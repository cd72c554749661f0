#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shardrun/error.h"

namespace shardrun::cli {

inline constexpr std::size_t kPrefetchListMax = 16384;                       ///< files
inline constexpr std::size_t kPrefetchListSizeMax = std::size_t{16} << 20U;  ///< bytes of text

/// A list of files to have in the shard before they are opened: one absolute path per line, in the
/// order of need; what begins with '#' is for people. Pure. Errors: EINVAL with the line.
Result<std::vector<std::string>> parse_prefetch_list(std::string_view text);

/// The same, the other way round.
std::string render_prefetch_list(const std::vector<std::string>& paths);

}  // namespace shardrun::cli
