#pragma once

#include <optional>
#include <string>

#include "shardrun/error.h"
#include "supervisor/config.h"

namespace shardrun::cli {

struct LoadedConfig {
    supervisor::Config config;
    std::string path;
    bool is_from_file = false;  ///< false: there is no file and these are the defaults
};

/// Reads the file at `path`, which must be there, or the one at the default place, which may be
/// absent. Errors: those of parse_config, ENOENT, EACCES, EISDIR.
Result<LoadedConfig> load_config(const std::optional<std::string>& path);

}  // namespace shardrun::cli
