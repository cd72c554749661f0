#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/config_key.h"

/// Patterns: full dotted names of keys, with "*" where any name may stand ("clients.*.shards_max").
namespace shardrun::cli {

struct KeyPattern {
    std::string pattern;
    const ConfigKey* key = nullptr;
};

/// All of them, in the order of the default file. A key of clients or limits stands in one or two
/// tables.
const std::vector<KeyPattern>& key_patterns();

/// The key with this pattern; null when there is none (it may be a table).
const ConfigKey* find_key(std::string_view pattern);

/// The pattern of `name` inside the table `pattern`; empty when neither key nor table is called so.
std::string match_pattern(std::string_view table_pattern, std::string_view name);

/// What may stand in the table: names of keys and of inner tables, each once.
std::vector<std::string_view> names_in_table(std::string_view table_pattern);

/// "a.b" of "a" and "b"; "b" at the top.
std::string join_key(std::string_view table, std::string_view name);

}  // namespace shardrun::cli
