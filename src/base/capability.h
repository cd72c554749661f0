#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shardrun {

/// The number of a capability spelled as in capabilities(7), "CAP_NET_RAW"; none if there is no
/// such name.
std::optional<unsigned> capability_number(std::string_view name);

/// The names of the set bits, in order; bits without a name are left out.
std::vector<std::string> capability_names(std::uint64_t bits);

}  // namespace shardrun
