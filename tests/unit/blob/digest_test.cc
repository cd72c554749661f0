#include "blob/digest.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace shardrun::blob {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

TEST_CASE("a digest is SHA-256, whatever pieces the bytes come in") {
    // Source: FIPS 180-2, appendix B, and the digest of nothing.
    CHECK(to_hex(digest_of({})) ==
          "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(to_hex(digest_of(bytes_of("abc"))) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    Hasher hasher;
    for (const char* const piece : {"a", "", "bc"}) hasher.update(bytes_of(piece));
    CHECK(hasher.finish() == digest_of(bytes_of("abc")));
    CHECK(hasher.finish() == digest_of({}));
    hasher.update(bytes_of("abc"));
    CHECK(hasher.finish() == digest_of(bytes_of("abc")));
}

TEST_CASE("a digest's text is read back, with and without the name of its algorithm") {
    const Digest digest = digest_of(bytes_of("abc"));
    CHECK(*parse_digest(to_hex(digest)) == digest);
    CHECK(*parse_digest("sha256:" + to_hex(digest)) == digest);
}

TEST_CASE("what is nearly a digest is refused") {
    const std::string hex = to_hex(digest_of({}));
    for (const std::string& text :
         {std::string(), hex.substr(1), hex + "0", "sha512:" + hex, hex.substr(1) + "g",
          "E" + hex.substr(1), std::string("sha256:"), " " + hex.substr(1),
          hex.substr(1) + std::string(1, '\0')}) {
        CAPTURE(text);
        const auto digest = parse_digest(text);
        REQUIRE_FALSE(digest);
        CHECK(digest.error().code == EINVAL);
    }
}

// Counts and sizes around those of a lane's blocks, and pieces that end within one.
TEST_CASE("digests that are made together are those made alone") {
    std::mt19937 random(5);
    for (std::size_t count = 1; count <= kTogether; ++count) {
        for (int round = 0; round < 50; ++round) {
            std::vector<std::vector<std::byte>> messages(count);
            for (auto& message : messages) {
                message.resize(random() % 700);
                for (std::byte& each : message) each = static_cast<std::byte>(random());
            }
            std::vector<Hasher> hashers(count);
            std::vector<std::size_t> done(count);
            for (int piece = 0; piece < 4; ++piece) {
                std::vector<HashPart> parts;
                for (std::size_t i = 0; i < count; ++i) {
                    const std::size_t left = messages[i].size() - done[i];
                    const std::size_t size =
                        piece == 3
                            ? left
                            : std::min(left, random() % 5 * 64 + random() % 2 * (random() % 64));
                    parts.push_back({&hashers[i], std::span(messages[i]).subspan(done[i], size)});
                    done[i] += size;
                }
                update_together(parts);
            }
            for (std::size_t i = 0; i < count; ++i)
                CHECK(hashers[i].finish() == digest_of(messages[i]));
        }
    }
}

TEST_CASE("the length of more than 512 MiB, made together, is part of the digest") {
    const std::vector<std::byte> piece(std::size_t{1} << 20U, std::byte{7});
    std::vector<Hasher> together(kTogether);
    Hasher alone;
    for (int i = 0; i < 513; ++i) {
        std::vector<HashPart> parts;
        parts.reserve(together.size());
        for (Hasher& each : together) parts.push_back({&each, piece});
        update_together(parts);
        alone.update(piece);
    }
    const Digest expected = alone.finish();
    for (Hasher& each : together) CHECK(each.finish() == expected);
}

}  // namespace
}  // namespace shardrun::blob
