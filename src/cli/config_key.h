#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shardrun/error.h"
#include "supervisor/config.h"

namespace shardrun::cli {

using ClientRule = decltype(supervisor::Config::default_client);

/// The types of shardrun.toml(5).
enum class KeyType : std::uint8_t { boolean, integer, octal, text, text_list, choice };

/// One value; monostate: not said (for a limit: "max").
using ConfigValue =
    std::variant<std::monostate, bool, std::int64_t, std::string, std::vector<std::string>>;

/// What the keys of one table act on. Borrowed; the parts a key does not need may be null.
struct ConfigTarget {
    supervisor::Config* config = nullptr;
    ClientRule* client = nullptr;
    ShardLimits* limits = nullptr;
    std::string name;  ///< what stood for the "*" at the end of a key's name
};

/// Which part of a ConfigTarget a key acts on, and so in which tables it may stand.
enum class KeyScope : std::uint8_t { config, client, limits };

/// One key of shardrun.toml(5). The table of these drives reading, the default file,
/// `--print-config` and the test of the manual page.
struct ConfigKey {
    KeyScope scope = KeyScope::config;
    std::string_view name;  ///< dotted from the top (config), or from its table (client, limits)
    KeyType type = KeyType::boolean;
    std::int64_t min = 0;  ///< integers: least value; text: least length; lists: least count
    std::int64_t max = 0;
    std::string_view unit = {};     ///< "ms", "MiB", … or empty
    std::string_view choices = {};  ///< "require|best-effort"
    std::string_view absent = {};   ///< the word that stands for "not said"; empty: there is none
    std::string_view doc = {};      ///< one or two sentences
    Result<void> (*check)(std::string_view text) = nullptr;  ///< of a text or of each of a list
    void (*set)(const ConfigTarget& target, const ConfigValue& value) = nullptr;
    ConfigValue (*get)(const ConfigTarget& target) = nullptr;
};

/// All keys, in the order of the default file.
std::span<const ConfigKey> config_keys();

}  // namespace shardrun::cli
