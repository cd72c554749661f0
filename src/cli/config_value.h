#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cli/config_key.h"
#include "shardrun/error.h"

namespace shardrun::cli {

/// A value of the file that no key can have: a float, a date, a table, a mixed array.
struct OtherType {};
using RawValue = std::variant<OtherType, bool, std::int64_t, std::string, std::vector<std::string>>;

/// The value as the key wants it. Pure. Errors: EINVAL wrong type or form, ERANGE; the sentence
/// continues "FILE:LINE: KEY: ".
Result<ConfigValue> to_config_value(const ConfigKey& key, const RawValue& raw);

/// A value as shardrun.toml(5) writes it.
std::string value_text(const ConfigKey& key, const ConfigValue& value);

/// What a key takes, in words: "an integer from 10 to 60000, or \"max\"".
std::string expected_text(const ConfigKey& key);

/// "require" and "best-effort" of "require|best-effort".
std::vector<std::string_view> choices_of(const ConfigKey& key);

}  // namespace shardrun::cli
