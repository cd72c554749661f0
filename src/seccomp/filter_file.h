#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "seccomp/compile.h"

namespace shardrun::seccomp {

using Sha256 = std::array<std::uint8_t, 32>;

/// Errors: EIO when libcrypto cannot calculate.
Result<Sha256> sha256_of(std::span<const std::byte> bytes);

/// What a compiled filter depends on; equal keys, equal programs.
struct FilterKey {
    Sha256 profile_digest{};  ///< of the profile's text; zeros for the built-in one
    ProfileContext context;

    auto operator<=>(const FilterKey&) const = default;
};

Result<FilterKey> filter_key_of(std::string_view text, const ProfileContext& context);

/// A name for the key's file: hexadecimal, no separators.
Result<std::string> filter_file_name(const FilterKey& key);

/// The bytes of a compiled filter for a file: magic, version, key, flags, instructions, and last
/// the SHA-256 of all before. All numbers little-endian. The digest finds damage, not malice: keep
/// the file where only root can write. Warnings are not kept.
Result<std::vector<std::byte>> encode_filter(const FilterKey& key, const FilterProgram& program);

/// The opposite; the program comes out verified as the kernel would. Errors: EBADMSG for damaged or
/// foreign bytes, ESTALE when they belong to another key or another version of the compiler.
Result<FilterProgram> decode_filter(const FilterKey& key, std::span<const std::byte> bytes);

}  // namespace shardrun::seccomp
