#pragma once

#include <cstdint>
#include <string_view>

#include "shardrun/error.h"

namespace shardrun::replay {

/// A part of a whole, kept as it was written: 0.1 percent is exactly a thousandth.
struct Percent {
    std::uint64_t numerator = 0;
    std::uint64_t denominator = 100;

    bool operator==(const Percent&) const = default;
};

/// "10", "0.1", up to six digits behind the point. Errors: EINVAL; ERANGE unless more than 0 and at
/// most 100.
Result<Percent> parse_percent(std::string_view text);

/// So much of the whole, rounded down, and 1 at least.
std::uint64_t part_of(std::uint64_t whole, Percent percent);

}  // namespace shardrun::replay
