#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shardrun::policy {

/// The number of a capability spelled as in capabilities(7); none if there is no such name. A table
/// of our own, because libcap would be loaded by every command for this alone.
std::optional<unsigned> capability_number(std::string_view name);

/// The names of the set bits, in order.
std::vector<std::string> capability_names(std::uint64_t bits);

}  // namespace shardrun::policy
