#pragma once

#include <cstddef>
#include <string_view>

namespace shardrun {

inline constexpr std::size_t kStoreNameSizeMax = 200;  ///< bytes
inline constexpr std::string_view kStoreNameRule =
    "a name is 1 to 200 letters, digits and ._:/@+- and begins with none of ./-";

/// What may be the name of an image or a blob.
constexpr bool is_store_name(std::string_view name) {
    constexpr std::string_view kAllowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@+-";
    return !name.empty() && name.size() <= kStoreNameSizeMax &&
           name.find_first_not_of(kAllowed) == std::string_view::npos &&
           !std::string_view("./-").contains(name.front());
}

}  // namespace shardrun
