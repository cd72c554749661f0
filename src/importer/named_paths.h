#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace shardrun::importer {

inline constexpr std::size_t kNamedPathsMax = 1024;  ///< of one file

/// What looks like an absolute path in a text, each once; whether it leads anywhere is for others
/// to see. Pure, bounded.
std::vector<std::string> find_named_paths(std::string_view text);

/// The interpreter of a script, "#!/usr/bin/env python3 -x" as {"/usr/bin/env", "python3", "-x"};
/// empty: no script. Source: execve(2).
std::vector<std::string> parse_shebang(std::string_view head);

/// The directories that ld.so.conf(5) lists; what it includes is written "include /pattern".
std::vector<std::string> parse_ld_so_conf(std::string_view text);

}  // namespace shardrun::importer
