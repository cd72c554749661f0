#include "base/byte_cursor.h"

#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <limits>

namespace shardrun {
namespace {

TEST_CASE("numbers are little endian and come back as they were written") {
    ByteWriter out(64);
    REQUIRE(out.write(std::uint8_t{0xab}));
    REQUIRE(out.write(std::uint16_t{0x0102}));
    REQUIRE(out.write(std::uint32_t{0x03040506}));
    REQUIRE(out.write(std::numeric_limits<std::uint64_t>::max()));
    CHECK(out.bytes()[1] == std::byte{0x02});
    CHECK(out.bytes()[2] == std::byte{0x01});
    CHECK(out.bytes()[3] == std::byte{0x06});
    ByteReader in(out.bytes());
    CHECK(*in.read<std::uint8_t>() == 0xab);
    CHECK(*in.read<std::uint16_t>() == 0x0102);
    CHECK(*in.read<std::uint32_t>() == 0x03040506);
    CHECK(*in.read<std::uint64_t>() == std::numeric_limits<std::uint64_t>::max());
    CHECK(in.empty());
}

TEST_CASE("a read that has not enough bytes fails and stays where it was") {
    const std::array<std::byte, 3> bytes{std::byte{1}, std::byte{2}, std::byte{3}};
    ByteReader in(bytes);
    REQUIRE(in.read<std::uint8_t>());
    const auto failed = in.read<std::uint32_t>();
    REQUIRE(!failed);
    CHECK(failed.error() == Error{EPROTO, "needs 4 bytes, 2 are left"});
    CHECK(in.offset() == 1);
    CHECK(*in.read<std::uint16_t>() == 0x0302);
}

TEST_CASE("a huge size is refused and does not wrap around") {
    const std::array<std::byte, 3> bytes{};
    ByteReader in(bytes);
    REQUIRE(in.read<std::uint8_t>());
    CHECK(!in.read_bytes(std::numeric_limits<std::size_t>::max()));
    CHECK(in.remaining() == 2);
}

TEST_CASE("a write up to the bound is done, and beyond it nothing is written") {
    ByteWriter out(4);
    REQUIRE(out.write_text("abc"));
    const auto failed = out.write(std::uint16_t{1});
    REQUIRE(!failed);
    CHECK(failed.error().code == EMSGSIZE);
    CHECK(out.size() == 3);
    REQUIRE(out.write(std::uint8_t{1}));
    CHECK(out.size() == 4);
}

TEST_CASE("a patched value stands where it was put") {
    ByteWriter out(16);
    REQUIRE(out.write(std::uint32_t{0}));
    REQUIRE(out.write_text("abc"));
    out.patch(0, std::uint32_t{3});
    ByteReader in(out.bytes());
    CHECK(*in.read<std::uint32_t>() == 3);
    CHECK(std::move(out).take().size() == 7);
}

}  // namespace
}  // namespace shardrun
