#include "cli/config_pattern.h"

#include <algorithm>

namespace shardrun::cli {
namespace {

void append_scope(std::vector<KeyPattern>& patterns, KeyScope scope, std::string_view table) {
    for (const ConfigKey& key : config_keys())
        if (key.scope == scope) patterns.push_back({join_key(table, key.name), &key});
}

/// The keys of [shard.limits] follow those of [shard], and so on.
std::vector<KeyPattern> make_patterns() {
    std::vector<KeyPattern> patterns;
    append_scope(patterns, KeyScope::config, "");
    append_scope(patterns, KeyScope::limits, "shard.limits");
    append_scope(patterns, KeyScope::client, "clients.*");
    append_scope(patterns, KeyScope::limits, "clients.*.limits_max");
    return patterns;
}

/// The name that follows `table` in `pattern`; empty when the pattern is not inside the table.
std::string_view next_name(std::string_view pattern, std::string_view table) {
    if (!table.empty()) {
        if (!pattern.starts_with(table) || pattern.size() <= table.size() ||
            pattern[table.size()] != '.')
            return {};
        pattern.remove_prefix(table.size() + 1);
    }
    return pattern.substr(0, pattern.find('.'));
}

}  // namespace

const std::vector<KeyPattern>& key_patterns() {
    static const std::vector<KeyPattern> kPatterns = make_patterns();
    return kPatterns;
}

const ConfigKey* find_key(std::string_view pattern) {
    const auto found = std::ranges::find(key_patterns(), pattern, &KeyPattern::pattern);
    return found == key_patterns().end() ? nullptr : found->key;
}

std::string match_pattern(std::string_view table_pattern, std::string_view name) {
    for (const std::string_view candidate : names_in_table(table_pattern))
        if (candidate == name || candidate == "*") return join_key(table_pattern, candidate);
    return "";
}

std::vector<std::string_view> names_in_table(std::string_view table_pattern) {
    std::vector<std::string_view> names;
    for (const KeyPattern& key : key_patterns()) {
        const std::string_view name = next_name(key.pattern, table_pattern);
        if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
    return names;
}

std::string join_key(std::string_view table, std::string_view name) {
    std::string joined(table);
    if (!joined.empty()) joined += '.';
    return joined.append(name);
}

}  // namespace shardrun::cli
