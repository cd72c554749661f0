#pragma once

#include <chrono>
#include <optional>
#include <type_traits>
#include <utility>

#include "cli/config_key.h"

/// Joins a key's value with a field of the configuration's structs. Used by config_key.cc alone.
namespace shardrun::cli::binding {

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

/// `value` as a field's type; `scale` turns the key's unit into the field's.
template <class T>
T to_field(const ConfigValue& value, std::int64_t scale) {
    if constexpr (std::is_same_v<T, std::chrono::milliseconds>)
        return std::chrono::milliseconds(std::get<std::int64_t>(value));
    else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, bool> ||
                       std::is_same_v<T, std::vector<std::string>>)
        return std::get<T>(value);
    else
        return static_cast<T>(std::get<std::int64_t>(value) * scale);
}

template <class T>
ConfigValue from_field(const T& field, std::int64_t scale) {
    if constexpr (std::is_same_v<T, std::chrono::milliseconds>)
        return std::int64_t{field.count()};
    else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, bool> ||
                       std::is_same_v<T, std::vector<std::string>>)
        return field;
    else
        return static_cast<std::int64_t>(field) / scale;
}

template <class T>
void assign(T& field, const ConfigValue& value, std::int64_t scale) {
    if constexpr (!IsOptional<T>::value) {
        field = to_field<T>(value, scale);
    } else {
        field.reset();
        if (!std::holds_alternative<std::monostate>(value))
            field = to_field<typename T::value_type>(value, scale);
    }
}

template <class T>
ConfigValue read(const T& field, std::int64_t scale) {
    if constexpr (!IsOptional<T>::value)
        return from_field(field, scale);
    else
        return field ? from_field(*field, scale) : ConfigValue{};
}

/// Config::socket.path is `in_config<&Config::socket, &Config::Socket::path>(key)`.
template <auto Section, auto Member, std::int64_t Scale = 1>
constexpr ConfigKey in_config(ConfigKey key) {
    key.scope = KeyScope::config;
    key.set = [](const ConfigTarget& target, const ConfigValue& value) {
        assign(target.config->*Section.*Member, value, Scale);
    };
    key.get = [](const ConfigTarget& target) {
        return read(target.config->*Section.*Member, Scale);
    };
    return key;
}

template <auto Member>
constexpr ConfigKey in_client(ConfigKey key) {
    key.scope = KeyScope::client;
    key.set = [](const ConfigTarget& target, const ConfigValue& value) {
        assign(target.client->*Member, value, 1);
    };
    key.get = [](const ConfigTarget& target) { return read(target.client->*Member, 1); };
    return key;
}

template <auto Member, std::int64_t Scale = 1>
constexpr ConfigKey in_limits(ConfigKey key) {
    key.scope = KeyScope::limits;
    key.set = [](const ConfigTarget& target, const ConfigValue& value) {
        assign(target.limits->*Member, value, Scale);
    };
    key.get = [](const ConfigTarget& target) { return read(target.limits->*Member, Scale); };
    return key;
}

}  // namespace shardrun::cli::binding
