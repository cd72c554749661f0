#pragma once

#include <string>
#include <string_view>

#include "shardrun/error.h"

namespace shardrun::fetcher {

/// Where blobs come from that the store lacks: a directory or an HTTP server.
struct Origin {
    enum class Kind { directory, http };

    std::string name;  ///< as configured, without a slash at its end; for messages, too
    Kind kind = Kind::directory;

    bool operator==(const Origin&) const = default;
};

/// An absolute path, or "http://host[:port]/prefix", or the same with https. Errors: EINVAL, with
/// what would be right. A user and password in it are refused: others can read our command line.
Result<Origin> parse_origin(std::string_view text);

inline constexpr std::size_t kOriginSizeMax = 1024;
inline constexpr std::size_t kOriginsMax = 64;

}  // namespace shardrun::fetcher
