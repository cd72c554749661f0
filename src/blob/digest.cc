#include "blob/digest.h"

#include <openssl/evp.h>

#include <vector>

#include "base/fail.h"
#include "sys/file_io.h"

namespace shardrun::blob {
namespace {

constexpr std::string_view kPrefix = "sha256:";
constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::size_t kReadSize = std::size_t{256} * 1024;

/// Fetched once: to look an algorithm up by name costs more than to hash a small blob.
const EVP_MD* sha256() {
    static const EVP_MD* const kAlgorithm = ::EVP_MD_fetch(nullptr, "SHA256", nullptr);
    SR_ASSERT(kAlgorithm != nullptr);
    return kAlgorithm;
}

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

struct Hasher::State {
    State() : context(::EVP_MD_CTX_new()) { SR_ASSERT(context != nullptr); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { ::EVP_MD_CTX_free(context); }

    EVP_MD_CTX* context;
    bool has_begun = false;
};

Hasher::Hasher() : state_(std::make_unique<State>()) {}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

// libcrypto's calls fail here only when memory is exhausted or it was called wrongly.
void Hasher::update(std::span<const std::byte> bytes) {
    if (!state_->has_begun)
        SR_ASSERT(::EVP_DigestInit_ex2(state_->context, sha256(), nullptr) == 1);
    state_->has_begun = true;
    SR_ASSERT(::EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

Digest Hasher::finish() {
    update({});  // Of nothing there is a digest, too.
    Digest digest;
    unsigned size = 0;
    auto* const out = reinterpret_cast<unsigned char*>(digest.bytes.data());
    SR_ASSERT(::EVP_DigestFinal_ex(state_->context, out, &size) == 1);
    SR_ASSERT(size == digest.bytes.size());
    state_->has_begun = false;
    return digest;
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
