#pragma once

#include <string>

#include "supervisor/config.h"

namespace shardrun::cli {

/// The settings as a configuration file that shardrun.toml(5) describes: every key with its
/// comment; those that have their default are commented out. Reading it back gives `config` again.
/// Of the default settings it is the file that is installed. Pure.
std::string render_config(const supervisor::Config& config);

}  // namespace shardrun::cli
