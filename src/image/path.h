#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

#include "shardrun/error.h"

/// Paths within an image: relative, canonical, any bytes but NUL. The image's root is "". Pure.
namespace shardrun::image {

inline constexpr std::size_t kPathSizeMax = 4095;  ///< PATH_MAX of the kernel, without its NUL
inline constexpr std::size_t kNameSizeMax = 255;   ///< NAME_MAX

/// No leading or trailing '/', no empty, "." or ".." part, no NUL, no name or path that the kernel
/// could not take. Errors: EINVAL, ENAMETOOLONG; the message is the reason alone.
Result<void> check_path(std::string_view path);

/// By parts: what is below a directory follows it without anything between, as "a", "a/b", "a-b".
std::strong_ordering compare_paths(std::string_view a, std::string_view b);

/// "usr" of "usr/bin"; "" of "usr". Not for "".
std::string_view parent_path(std::string_view path);
/// "bin" of "usr/bin".
std::string_view last_name(std::string_view path);
/// "usr/bin" of "usr" and "bin"; "usr" of "" and "usr".
std::string join_path(std::string_view folder, std::string_view name);
/// Whether it is `folder` or below it. Everything is below "".
bool is_within(std::string_view path, std::string_view folder);
/// How many names it has; 0 for "".
std::size_t depth_of(std::string_view path);

}  // namespace shardrun::image
