#pragma once

#include <span>
#include <string>
#include <string_view>

namespace shardrun::cli {

/// The candidate that `word` was probably meant to be, as " (did you mean 'tick_ms'?)"; empty when
/// none is near. Pure.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

/// How many letters must be inserted, removed or replaced to turn one into the other.
/// Source: Levenshtein, 1965.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace shardrun::cli
