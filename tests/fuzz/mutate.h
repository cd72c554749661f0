#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/rng.h"

namespace shardrun::fuzz {

using Input = std::vector<std::uint8_t>;

/// One to eight small changes to an input: bits, bytes, numbers near bounds, pieces left out,
/// doubled or taken from another input of the corpus. `corpus` must not be empty; the result has at
/// most `size_max` bytes.
Input mutate(Rng& rng, const std::vector<Input>& corpus, std::size_t size_max);

}  // namespace shardrun::fuzz
