#define OPENSSL_SUPPRESS_DEPRECATED
#include "blob/digest.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "base/fail.h"
#include "sys/file_io.h"

namespace shardrun::blob {
namespace {

constexpr std::string_view kPrefix = "sha256:";
constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::size_t kBlockBytes = 64;
constexpr std::size_t kReadSize = std::size_t{256} * 1024;

int digit_value(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    return -1;
}

}  // namespace

std::string to_hex(const Digest& digest) {
    std::string text;
    text.reserve(2 * digest.bytes.size());
    for (const std::byte byte : digest.bytes) {
        text += kDigits[std::to_integer<unsigned>(byte) >> 4U];
        text += kDigits[std::to_integer<unsigned>(byte) & 15U];
    }
    return text;
}

Result<Digest> parse_digest(std::string_view text) {
    std::string_view digits = text;
    if (digits.starts_with(kPrefix)) digits.remove_prefix(kPrefix.size());
    Digest digest;
    bool is_valid = digits.size() == 2 * digest.bytes.size();
    for (std::size_t i = 0; is_valid && i < digest.bytes.size(); ++i) {
        const int high = digit_value(digits[2 * i]);
        const int low = digit_value(digits[2 * i + 1]);
        is_valid = high >= 0 && low >= 0;
        digest.bytes[i] = static_cast<std::byte>(high * 16 + low);
    }
    if (!is_valid)
        return refuse(EINVAL, "'{}' is no digest: that is 64 small hexadecimal digits",
                      text.substr(0, 100));
    return digest;
}

// The functions that take the state as such: EVP hides it, and several states in step are what
// update_together is about. They fail only when called wrongly.
void Hasher::begin() {
    SR_ASSERT(::SHA256_Init(&context_) == 1);
}

void Hasher::update(std::span<const std::byte> bytes) {
    SR_ASSERT(::SHA256_Update(&context_, bytes.data(), bytes.size()) == 1);
}

Digest Hasher::finish() {
    Digest digest;
    SR_ASSERT(::SHA256_Final(reinterpret_cast<unsigned char*>(digest.bytes.data()), &context_) ==
              1);
    begin();
    return digest;
}

/// So many bytes, in whole blocks, have gone into the state.
void Hasher::count(std::uint64_t bytes) {
    constexpr unsigned kHalf = 32;
    const std::uint64_t bits = (std::uint64_t{context_.Nh} << kHalf | context_.Nl) + bytes * 8;
    context_.Nh = static_cast<SHA_LONG>(bits >> kHalf);
    context_.Nl = static_cast<SHA_LONG>(bits);
}

/// As many whole blocks as all of them have.
void Hasher::advance_in_step(std::span<HashPart> parts) {
    std::size_t blocks = std::numeric_limits<std::size_t>::max();
    std::array<Lane, kLanesMax> lanes;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        blocks = std::min(blocks, parts[i].bytes.size() / kBlockBytes);
        lanes[i] = {parts[i].hasher->context_.h, parts[i].bytes.data()};
    }
    compress_lanes(std::span(lanes).first(parts.size()), blocks);
    for (HashPart& part : parts) {
        part.hasher->count(blocks * kBlockBytes);
        part.bytes = part.bytes.subspan(blocks * kBlockBytes);
    }
}

void update_together(std::span<const HashPart> parts) {
    static const bool kHasLanes = has_lanes();
    SR_ASSERT(parts.size() <= kTogether);
    std::array<HashPart, kTogether> copy;
    std::ranges::copy(parts, copy.begin());
    const auto left = std::span(copy).first(parts.size());
    const auto can_step = [](const HashPart& part) {
        return part.hasher->is_between_blocks() && part.bytes.size() >= kBlockBytes;
    };
    while (kHasLanes) {
        const std::size_t others = std::ranges::partition(left, can_step).size();
        if (left.size() - others < 2) break;
        Hasher::advance_in_step(left.first(left.size() - others));
    }
    for (const HashPart& part : left) part.hasher->update(part.bytes);
}

Digest digest_of(std::span<const std::byte> bytes) {
    Hasher hasher;
    hasher.update(bytes);
    return hasher.finish();
}

Result<FileDigest> digest_of_file(int fd) {
    std::vector<std::byte> buffer(kReadSize);
    Hasher hasher;
    FileDigest result;
    while (true) {
        SR_TRY(const std::size_t size, sys::read_some(fd, buffer));
        if (size == 0) break;
        hasher.update(std::span(buffer).first(size));
        result.size_bytes += size;
    }
    result.digest = hasher.finish();
    return result;
}

}  // namespace shardrun::blob
