#include "blob/digest.h"

#include <doctest/doctest.h>

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

}  // namespace
}  // namespace shardrun::blob
