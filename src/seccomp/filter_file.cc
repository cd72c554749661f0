#include "seccomp/filter_file.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstring>

#include "base/fail.h"
#include "seccomp/evaluate.h"
#include "seccomp/launch_calls.h"

namespace shardrun::seccomp {
namespace {

constexpr std::array<std::uint8_t, 8> kMagic = {'S', 'R', 'F', 'I', 'L', 'T', 'E', 'R'};
// Of the layout and of the compiler: raise it whenever the same profile compiles to other
// instructions, among them every change of the built-in profile.
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kInstructionSize = 8;  // As in struct sock_filter.

class ByteSink {
 public:
    template <class T>
    void number(T value) {
        for (std::size_t i = 0; i < sizeof(T); ++i)
            bytes_.push_back(static_cast<std::byte>(value >> (8 * i) & 0xff));
    }
    void raw(std::span<const std::uint8_t> bytes) {
        for (const std::uint8_t byte : bytes) bytes_.push_back(std::byte{byte});
    }
    std::vector<std::byte>& bytes() { return bytes_; }

 private:
    std::vector<std::byte> bytes_;
};

// Magic, version and key: what every byte of a file for this key begins with.
void write_head(ByteSink& sink, const FilterKey& key) {
    sink.raw(kMagic);
    sink.number(kVersion);
    sink.raw(key.profile_digest);
    sink.number(key.context.capabilities);
    sink.number(static_cast<std::uint32_t>(key.context.kernel.release));
    sink.number(static_cast<std::uint32_t>(key.context.kernel.patchlevel));
    sink.number(static_cast<std::uint32_t>(key.context.arch));
}

std::uint32_t read_u32(std::span<const std::byte> bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value |= std::to_integer<std::uint32_t>(bytes[i]) << 8 * i;
    return value;
}

sock_filter read_instruction(std::span<const std::byte> bytes) {
    const std::uint32_t word = read_u32(bytes);
    return {static_cast<std::uint16_t>(word), static_cast<std::uint8_t>(word >> 16),
            static_cast<std::uint8_t>(word >> 24), read_u32(bytes.subspan(4))};
}

// Everything before the digest, once the digest is right.
Result<std::span<const std::byte>> checked_body(std::span<const std::byte> bytes) {
    if (bytes.size() < kMagic.size() + sizeof(Sha256) ||
        std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0)
        return refuse(EBADMSG, "not the file of a compiled filter");
    const auto body = bytes.first(bytes.size() - sizeof(Sha256));
    SR_TRY(const Sha256 digest, sha256_of(body));
    if (std::memcmp(digest.data(), bytes.data() + body.size(), digest.size()) != 0)
        return refuse(EBADMSG, "the compiled filter is damaged: its digest does not match");
    return body;
}

}  // namespace

Result<Sha256> sha256_of(std::span<const std::byte> bytes) {
    // No configuration file: this room makes no system calls.
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    Sha256 digest{};
    if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1)
        return fail(EIO, "calculate a SHA-256");
    return digest;
}

Result<FilterKey> filter_key_of(std::string_view text, const ProfileContext& context) {
    // The built-in profile has no text, and should not wait for libcrypto to set itself up.
    if (text.empty()) return FilterKey{Sha256{}, context};
    SR_TRY(const Sha256 digest, sha256_of(std::as_bytes(std::span(text))));
    return FilterKey{digest, context};
}

Result<std::string> filter_file_name(const FilterKey& key) {
    ByteSink sink;
    write_head(sink, key);
    SR_TRY(const Sha256 digest, sha256_of(sink.bytes()));
    std::string name;
    for (const std::uint8_t byte : digest) name += fmt::format("{:02x}", byte);
    return name;
}

Result<std::vector<std::byte>> encode_filter(const FilterKey& key, const FilterProgram& program) {
    ByteSink sink;
    write_head(sink, key);
    sink.number(program.load_flags);
    sink.number(static_cast<std::uint32_t>(program.instructions.size()));
    for (const sock_filter& insn : program.instructions) {
        sink.number(insn.code);
        sink.number(insn.jt);
        sink.number(insn.jf);
        sink.number(insn.k);
    }
    SR_TRY(const Sha256 digest, sha256_of(sink.bytes()));
    sink.raw(digest);
    return std::move(sink.bytes());
}

Result<FilterProgram> decode_filter(const FilterKey& key, std::span<const std::byte> bytes) {
    SR_TRY(std::span<const std::byte> body, checked_body(bytes));
    ByteSink head;
    write_head(head, key);
    const std::size_t head_size = head.bytes().size();
    if (body.size() < head_size + 8 || !std::ranges::equal(body.first(head_size), head.bytes()))
        return refuse(ESTALE, "the compiled filter belongs to another profile, context or version");
    FilterProgram program;
    program.load_flags = read_u32(body.subspan(head_size));
    const std::size_t count = read_u32(body.subspan(head_size + 4));
    body = body.subspan(head_size + 8);
    if (count > kFilterInstructionsMax || body.size() != count * kInstructionSize)
        return refuse(EBADMSG, "the compiled filter has {} bytes for {} instructions", body.size(),
                      count);
    for (; !body.empty(); body = body.subspan(kInstructionSize))
        program.instructions.push_back(read_instruction(body));
    SR_DO(verify_filter(program.instructions));
    program.filter_allows_launch = allows_launch(program.instructions, key.context.arch);
    return program;
}

}  // namespace shardrun::seccomp
