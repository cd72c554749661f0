#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace shardrun::blob {

/// SHA-256 of several messages in step: the rounds of one depend on each other, those of different
/// ones do not, and a processor with SHA instructions works on them at the same time.
inline constexpr std::size_t kLanesMax = 4;

/// One message's words and the whole blocks of 64 bytes that come next.
struct Lane {
    std::uint32_t* words = nullptr;  ///< eight
    const std::byte* blocks = nullptr;
};

/// Whether compress_lanes may be called: this processor has what it needs.
bool has_lanes();
/// `block_count` blocks of each of 2 to kLanesMax messages. Source: FIPS 180-4.
void compress_lanes(std::span<const Lane> lanes, std::size_t block_count);

}  // namespace shardrun::blob
