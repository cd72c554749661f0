#include "image/tar_writer.h"

#include <doctest/doctest.h>

#include <string>

namespace shardrun::image {
namespace {

std::string written(const Entry& entry, const std::string& link = "") {
    std::string text;
    TarWriter writer([&](std::span<const std::byte> bytes) -> Result<void> {
        text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return {};
    });
    REQUIRE(writer.write_header(entry, link));
    return text;
}

TEST_CASE("an ordinary entry is one block, without records") {
    const std::string text =
        written({.path = "usr/bin", .type = EntryType::directory, .mode = 0755, .mtime = {8, 0}});
    REQUIRE(text.size() == 512);
    CHECK(text.starts_with(std::string("usr/bin/\0", 9)));
    CHECK(text.substr(100, 8) == std::string("0000755\0", 8));
    CHECK(text.substr(136, 12) == std::string("00000000010\0", 12));
    CHECK(text.substr(156, 1) == "5");
    CHECK(text.substr(257, 8) == std::string("ustar\00000", 8));
}

TEST_CASE("what a header cannot hold stands in records before it") {
    const Entry entry{.path = std::string(200, 'x'),
                      .type = EntryType::file,
                      .mode = 0644,
                      .uid = 3'000'000'000,
                      .mtime = {-2, 500'000'000},
                      .xattrs = {{"user.x", std::string("\0=\n", 3)}},
                      .size_bytes = std::uint64_t{1} << 34U};
    const std::string text = written(entry);
    CHECK(text.substr(156, 1) == "x");
    for (const std::string& record :
         {"210 path=" + std::string(200, 'x') + "\n", std::string("18 uid=3000000000\n"),
          std::string("20 size=17179869184\n"), std::string("22 mtime=-1.500000000\n"),
          std::string("27 SCHILY.xattr.user.x=\0=\n\n", 27)}) {
        CAPTURE(record);
        CHECK(text.find(record) != std::string::npos);
    }
    CHECK(text.size() % 512 == 0);
}

TEST_CASE("a record's length counts itself, also where that makes it longer") {
    const std::string text = written({.path = std::string(101, 'x'), .type = EntryType::file});
    CHECK(text.find("111 path=" + std::string(101, 'x') + "\n") != std::string::npos);
    const std::string link =
        written({.path = "h", .type = EntryType::hard_link}, std::string(986, 'y'));
    CHECK(link.find("1001 linkpath=") != std::string::npos);
}

TEST_CASE("a socket is left out") {
    TarWriter writer([](std::span<const std::byte>) -> Result<void> { return {}; });
    CHECK_FALSE(*writer.write_header({.path = "s", .type = EntryType::socket}, ""));
}

}  // namespace
}  // namespace shardrun::image
