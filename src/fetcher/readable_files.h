#pragma once

#include <span>
#include <string>

#include "shardrun/error.h"

namespace shardrun::fetcher {

/// From now on the process opens only files that a look-up of names or a verification of
/// certificates needs, what is below `directories`, and `ca_file` unless it is empty. Descriptors
/// that it is given serve as they did. A kernel without Landlock allows what it allowed before.
/// Source: landlock(7). Errors: ENOENT, EACCES of `ca_file`; EPERM without no_new_privs.
Result<void> limit_readable_files(std::span<const int> directories, const std::string& ca_file);

}  // namespace shardrun::fetcher
