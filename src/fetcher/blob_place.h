#pragma once

#include <string>

#include "blob/digest.h"

namespace shardrun::fetcher {

/// The places of a blob below an origin, in the order they are tried: as our store has it, as an
/// OCI image layout has it.
inline constexpr unsigned kLayouts = 2;
/// "blobs/sha256/ab/abcdef…" or "blobs/sha256/abcdef…".
std::string path_of(const blob::Digest& digest, unsigned layout);

}  // namespace shardrun::fetcher
