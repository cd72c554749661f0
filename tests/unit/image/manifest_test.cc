#include "image/manifest.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "image/manifest_codec.h"

namespace shardrun::image {
namespace {

blob::Digest digest_of_text(const std::string& text) {
    return blob::digest_of(std::as_bytes(std::span(text)));
}

Entry directory(const std::string& path) {
    return {.path = path, .type = EntryType::directory, .mode = 0755};
}

Entry file(const std::string& path, const std::string& content) {
    return {.path = path,
            .type = EntryType::file,
            .mode = 0644,
            .size_bytes = content.size(),
            .digest = digest_of_text(content)};
}

Entry hard_link(const std::string& path, std::uint32_t to) {
    return {.path = path, .type = EntryType::hard_link, .link_to = to};
}

/// One of each, in order.
std::vector<Entry> sample() {
    Entry odd = file("a/\x01\n\xff", "odd");
    odd.xattrs = {{"security.capability", std::string(20, '\1')},
                  {"user.x", std::string("\0y", 2)}};
    odd.mtime = {-5, 999'999'999};
    odd.kind = BlobKind::code;
    odd.mode = 07777;
    odd.uid = 0xfffffffe;
    Entry device{
        .path = "dev", .type = EntryType::char_device, .device_major = 1, .device_minor = 3};
    Entry link{.path = "link", .type = EntryType::symlink, .mode = 0777, .target = "/a/../\xfe"};
    return {directory(""),
            directory("a"),
            odd,
            file("a/z", "same"),
            file("b", "same"),
            hard_link("c", 2),
            device,
            Entry{.path = "fifo", .type = EntryType::fifo},
            link,
            Entry{.path = "sock", .type = EntryType::socket}};
}

const std::vector<Edge> kEdges{
    {2, 3, EdgeReason::library}, {2, 4, EdgeReason::named_path}, {3, 2, EdgeReason::python_import}};
const RunConfig kRun{{"/bin/sh", "-c"}, {"true"}, {"PATH=/bin"}, "/srv", "7:8"};

TEST_CASE("a manifest comes back as it was encoded, byte for byte") {
    const auto manifest = Manifest::create(sample(), kEdges, kRun);
    REQUIRE(manifest);
    const auto bytes = *encode_manifest(*manifest);
    const auto decoded = decode_manifest(bytes);
    REQUIRE(decoded);
    CHECK(*decoded == *manifest);
    CHECK(*encode_manifest(*decoded) == bytes);
}

TEST_CASE("a manifest's encoding does not change: images keep their digests") {
    const auto manifest = Manifest::create(sample(), kEdges, kRun);
    CHECK(blob::to_hex(blob::digest_of(*encode_manifest(*manifest))) ==
          "9ab37f83d00cbb953f0c2722f443e809789df993fe1f40ae157589faeef461d2");
}

TEST_CASE("every truncation, and every byte more, is refused") {
    const auto bytes = *encode_manifest(*Manifest::create(sample(), kEdges, kRun));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto decoded = decode_manifest(std::span(bytes).first(size));
        REQUIRE_FALSE(decoded);
        CHECK(decoded.error().code == EPROTO);
    }
    std::vector<std::byte> longer = bytes;
    longer.push_back(std::byte{});
    CHECK(decode_manifest(longer).error().message.find("trailing") != std::string::npos);
}

TEST_CASE("a manifest of another version says so") {
    auto bytes = *encode_manifest(*Manifest::create(sample(), {}, {}));
    CHECK(is_manifest(bytes));
    bytes[7] = std::byte{'2'};
    CHECK(is_manifest(bytes));
    CHECK(decode_manifest(bytes).error().message.find("version") != std::string::npos);
    bytes[0] = std::byte{'X'};
    CHECK_FALSE(is_manifest(bytes));
}

TEST_CASE("what no image may be is refused, with the path and the reason") {
    struct Case {
        const char* reason;
        std::function<void(std::vector<Entry>&)> spoil;
    };
    const std::vector<Case> cases{
        {"the root directory is missing", [](auto& e) { e.erase(e.begin()); }},
        {"the root directory is missing", [](auto& e) { e.clear(); }},
        {"'' is no directory", [](auto& e) { e[0].type = EntryType::fifo; }},
        {"is there twice", [](auto& e) { e[4].path = "a/z"; }},
        {"is out of order", [](auto& e) { std::swap(e[3], e[4]); }},
        {"has no parent directory before it", [](auto& e) { e[1].path = "A"; }},
        {"has no parent directory before it", [](auto& e) { e[1].type = EntryType::socket; }},
        {"has no parent directory before it", [](auto& e) { e.push_back(file("z/y", "")); }},
        {"'/b' is absolute", [](auto& e) { e[4].path = "/b"; }},
        {"has '..' as a part", [](auto& e) { e[4].path = "a/z/.."; }},
        {"has an empty part", [](auto& e) { e[4].path = "b/"; }},
        {"has mode", [](auto& e) { e[4].mode = 010000; }},
        {"nanoseconds", [](auto& e) { e[4].mtime.nanoseconds = 1'000'000'000; }},
        {"bytes, and another file of the same digest", [](auto& e) { ++e[4].size_bytes; }},
        {"has 9223372036854775808 bytes",
         [](auto& e) { e[2].size_bytes = std::uint64_t{1} << 63U; }},
        {"hard link to what is no file before it", [](auto& e) { e[5].link_to = 5; }},
        {"hard link to what is no file before it", [](auto& e) { e[5].link_to = 1; }},
        {"hard link to what is no file before it", [](auto& e) { e[5].link_to = 99; }},
        {"has a target that no symbolic link can have", [](auto& e) { e[8].target.clear(); }},
        {"has a target that no symbolic link can have",
         [](auto& e) { e[8].target = std::string("a\0", 2); }},
        {"has a target that no symbolic link can have",
         [](auto& e) { e[8].target.assign(4096, 'x'); }},
        {"has the extended attribute 'trusted.x'",
         [](auto& e) {
             e[4].xattrs = {{"trusted.x", ""}};
         }},
        {"has the extended attribute 'user.'",
         [](auto& e) {
             e[4].xattrs = {{"user.", ""}};
         }},
        {"has the extended attribute 'security.capability'",
         [](auto& e) {
             e[4].xattrs = {{"security.capability", "short"}};
         }},
        {"has the extended attribute 'security.capability'",
         [](auto& e) {
             e[1].xattrs = {{"security.capability", std::string(20, 'x')}};
         }},
        {"extended attributes out of order",
         [](auto& e) { std::swap(e[2].xattrs[0], e[2].xattrs[1]); }},
        {"too long extended attribute",
         [](auto& e) {
             e[4].xattrs = {{"user.x", std::string(kXattrValueMax + 1, 'x')}};
         }},
    };
    for (const Case& each : cases) {
        CAPTURE(each.reason);
        std::vector<Entry> entries = sample();
        each.spoil(entries);
        const auto manifest = Manifest::create(entries, {}, {});
        REQUIRE_FALSE(manifest);
        CHECK(manifest.error().message.find(each.reason) != std::string::npos);
    }
}

TEST_CASE("edges that are out of order, twice, or lead from or to no file are refused") {
    for (const std::vector<Edge>& edges :
         {std::vector<Edge>{{2, 2, EdgeReason::library}},
          std::vector<Edge>{{1, 2, EdgeReason::library}},
          std::vector<Edge>{{2, 5, EdgeReason::library}},
          std::vector<Edge>{{2, 99, EdgeReason::library}}, std::vector<Edge>{{2, 3, EdgeReason{7}}},
          std::vector<Edge>{{3, 2, EdgeReason::library}, {2, 3, EdgeReason::library}},
          std::vector<Edge>{{2, 3, EdgeReason::library}, {2, 3, EdgeReason::library}}})
        CHECK_FALSE(Manifest::create(sample(), edges, {}));
}

TEST_CASE("paths are found, with what is below them and what they lead to") {
    const auto manifest = *Manifest::create(sample(), kEdges, kRun);
    CHECK(manifest.index_of("") == 0);
    CHECK(manifest.index_of("a/z") == 3);
    CHECK_FALSE(manifest.index_of("a/y"));
    CHECK_FALSE(manifest.index_of("/a"));
    CHECK(manifest.end_of_subtree(1) == 4);
    CHECK(manifest.end_of_subtree(0) == manifest.entries().size());
    CHECK(manifest.end_of_subtree(4) == 5);
    CHECK(manifest.edges_from(2).size() == 2);
    CHECK(manifest.edges_from(4).empty());
    CHECK(manifest.blobs().size() == 2);
    CHECK(manifest.content_bytes() == 7);
    CHECK(manifest.file_count() == 3);
}

TEST_CASE("a count that the bytes cannot justify asks for no memory") {
    auto bytes = *encode_manifest(*Manifest::create({directory("")}, {}, {}));
    for (std::size_t i = 8; i < 12; ++i) bytes[i] = std::byte{0xff};
    CHECK(decode_manifest(bytes).error().message.find("more would need more") != std::string::npos);
}

}  // namespace
}  // namespace shardrun::image
