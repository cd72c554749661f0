#include "cli/config_value.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/fail.h"
#include "cli/did_you_mean.h"

namespace shardrun::cli {
namespace {

Result<ConfigValue> wrong_type(const ConfigKey& key) {
    return refuse(EINVAL, "has the wrong type: write {}", expected_text(key));
}

Result<ConfigValue> to_integer(const ConfigKey& key, const RawValue& raw) {
    const auto* number = std::get_if<std::int64_t>(&raw);
    if (number == nullptr) return wrong_type(key);
    const bool is_octal = key.type == KeyType::octal;
    const auto shown = [&](std::int64_t n) {
        return is_octal && n >= 0 ? fmt::format("0o{:o}", n) : fmt::format("{}", n);
    };
    if (*number > key.max)
        return refuse(ERANGE, "{} is more than {}", shown(*number), shown(key.max));
    if (*number < key.min)
        return refuse(ERANGE, "{} is less than {}", shown(*number), shown(key.min));
    return *number;
}

Result<void> check_text(const ConfigKey& key, const std::string& text) {
    if (text.find('\0') != text.npos) return refuse(EINVAL, "has a NUL character in it");
    const std::int64_t size_max = key.type == KeyType::text ? key.max : 4095;
    if (static_cast<std::int64_t>(text.size()) > size_max)
        return refuse(ERANGE, "{} bytes are more than {}", text.size(), size_max);
    if (key.type == KeyType::text && static_cast<std::int64_t>(text.size()) < key.min)
        return refuse(ERANGE, "{} bytes are less than {}", text.size(), key.min);
    if (key.check != nullptr && !text.empty()) return key.check(text);
    return {};
}

Result<ConfigValue> to_text(const ConfigKey& key, const RawValue& raw) {
    const auto* text = std::get_if<std::string>(&raw);
    if (text == nullptr) return wrong_type(key);
    SR_DO(check_text(key, *text));
    return *text;
}

Result<ConfigValue> to_list(const ConfigKey& key, const RawValue& raw) {
    const auto* items = std::get_if<std::vector<std::string>>(&raw);
    if (items == nullptr) return wrong_type(key);
    if (static_cast<std::int64_t>(items->size()) > key.max)
        return refuse(ERANGE, "{} items are more than {}", items->size(), key.max);
    for (const std::string& item : *items) {
        if (item.empty()) return refuse(EINVAL, "has an empty item");
        SR_DO(check_text(key, item));
    }
    return *items;
}

Result<ConfigValue> to_choice(const ConfigKey& key, const RawValue& raw) {
    const auto* word = std::get_if<std::string>(&raw);
    if (word == nullptr) return wrong_type(key);
    const auto choices = choices_of(key);
    if (std::ranges::find(choices, *word) != choices.end()) return *word;
    return refuse(EINVAL, "'{}' is none of {}{}", word->substr(0, 64), fmt::join(choices, ", "),
                  did_you_mean(*word, choices));
}

/// A basic string of TOML: quotes, backslashes and control characters escaped.
std::string quoted(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            result.append({'\\', c});
        else if (byte < 0x20 || byte == 0x7f)
            result += fmt::format("\\u{:04X}", byte);
        else
            result += c;
    }
    return result + "\"";
}

}  // namespace

std::vector<std::string_view> choices_of(const ConfigKey& key) {
    std::vector<std::string_view> choices;
    std::string_view rest = key.choices;
    while (!rest.empty()) {
        choices.push_back(rest.substr(0, rest.find('|')));
        rest.remove_prefix(std::min(choices.back().size() + 1, rest.size()));
    }
    return choices;
}

Result<ConfigValue> to_config_value(const ConfigKey& key, const RawValue& raw) {
    const auto* word = std::get_if<std::string>(&raw);
    if (word != nullptr && !key.absent.empty() && *word == key.absent) return std::monostate();
    switch (key.type) {
        case KeyType::boolean:
            if (const auto* flag = std::get_if<bool>(&raw)) return *flag;
            return wrong_type(key);
        case KeyType::integer:
        case KeyType::octal:
            return to_integer(key, raw);
        case KeyType::text:
            return to_text(key, raw);
        case KeyType::text_list:
            return to_list(key, raw);
        case KeyType::choice:
            return to_choice(key, raw);
    }
    return wrong_type(key);
}

std::string expected_text(const ConfigKey& key) {
    const std::string or_absent = key.absent.empty() ? "" : fmt::format(", or \"{}\"", key.absent);
    switch (key.type) {
        case KeyType::boolean:
            return "true or false";
        case KeyType::integer:
            return fmt::format("an integer from {} to {}{}", key.min, key.max, or_absent);
        case KeyType::octal:
            return fmt::format("an integer from 0 to 0o{:o}", key.max);
        case KeyType::text:
            return fmt::format("a string of {} to {} bytes{}", key.min, key.max, or_absent);
        case KeyType::text_list:
            return fmt::format("an array of at most {} strings", key.max);
        case KeyType::choice:
            return fmt::format("one of \"{}\"", fmt::join(choices_of(key), "\", \""));
    }
    return "";
}

std::string value_text(const ConfigKey& key, const ConfigValue& value) {
    if (std::holds_alternative<std::monostate>(value)) return quoted(key.absent);
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    if (const auto* text = std::get_if<std::string>(&value)) return quoted(*text);
    if (const auto* number = std::get_if<std::int64_t>(&value))
        return key.type == KeyType::octal ? fmt::format("0o{:o}", *number)
                                          : fmt::format("{}", *number);
    std::vector<std::string> items;
    for (const std::string& item : std::get<std::vector<std::string>>(value))
        items.push_back(quoted(item));
    return fmt::format("[{}]", fmt::join(items, ", "));
}

}  // namespace shardrun::cli
