#pragma once

#include <span>
#include <string>

#include "shardrun/error.h"

namespace shardrun::fetcher {

/// From now on the process can reach servers and read some files, and no more: it writes to no file
/// but those it is given, starts no program, listens for nobody, and speaks to no local service.
/// What it may read: see limit_readable_files().
Result<void> confine(std::span<const int> directories, const std::string& ca_file);

}  // namespace shardrun::fetcher
