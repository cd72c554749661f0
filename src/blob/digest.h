#pragma once

#include <openssl/sha.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "blob/sha256_lanes.h"
#include "shardrun/error.h"

namespace shardrun::blob {

/// SHA-256 of a blob's bytes: its name. A type of its own, so that no other 32 bytes pass for it.
struct Digest {
    std::array<std::byte, 32> bytes{};

    auto operator<=>(const Digest&) const = default;
};

/// 64 small hexadecimal digits.
std::string to_hex(const Digest& digest);

/// "sha256:" and 64 hexadecimal digits, or the digits alone. Errors: EINVAL.
Result<Digest> parse_digest(std::string_view text);

class Hasher;

/// What comes next of one digest.
struct HashPart {
    Hasher* hasher = nullptr;
    std::span<const std::byte> bytes;
};
inline constexpr std::size_t kTogether = kLanesMax;
/// update() for each of at most kTogether digests that are all different: much faster than one
/// after the other.
void update_together(std::span<const HashPart> parts);

/// The digest of bytes that come in pieces. By libcrypto, which uses the processor's own
/// instructions where it has them.
class Hasher {
 public:
    Hasher() { begin(); }

    void update(std::span<const std::byte> bytes);
    /// Of all that came since the beginning or the last call.
    Digest finish();

 private:
    friend void update_together(std::span<const HashPart> parts);
    void begin();
    bool is_between_blocks() const { return context_.num == 0; }
    void count(std::uint64_t bytes);
    static void advance_in_step(std::span<HashPart> parts);

    SHA256_CTX context_;
};

/// In one step.
Digest digest_of(std::span<const std::byte> bytes);

/// What is left of the file behind `fd`, read to its end: its digest and how many bytes that were.
struct FileDigest {
    Digest digest;
    std::uint64_t size_bytes = 0;
};
Result<FileDigest> digest_of_file(int fd);

}  // namespace shardrun::blob

/// Digests are spread evenly already.
template <>
struct std::hash<shardrun::blob::Digest> {
    std::size_t operator()(const shardrun::blob::Digest& digest) const noexcept {
        std::size_t value = 0;
        std::memcpy(&value, digest.bytes.data(), sizeof value);
        return value;
    }
};
