#include "image/import_frame.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/byte_cursor.h"
#include "image/entry_codec.h"
#include "image/import_receiver.h"

namespace shardrun::image {
namespace {

/// Hashes and keeps nothing.
class CountingSink final : public ContentSink {
 public:
    Result<void> append(std::span<const std::byte> bytes) override {
        hasher_.update(bytes);
        size_ += bytes.size();
        return {};
    }
    Result<blob::StoredBlob> finish() override {
        return blob::StoredBlob{hasher_.finish(), std::exchange(size_, 0)};
    }

 private:
    blob::Hasher hasher_;
    std::uint64_t size_ = 0;
};

template <WireInteger T>
std::vector<std::byte> number(T value) {
    ByteWriter out(8);
    REQUIRE(out.write(value));
    return std::move(out).take();
}

std::vector<std::byte> encoded(const Entry& entry) {
    ByteWriter out(kFramePayloadMax);
    REQUIRE(write_entry(out, entry));
    return std::move(out).take();
}

const Entry kRoot{.path = "", .type = EntryType::directory, .mode = 0755};

struct World {
    ImportLimits limits{.entries_max = 4, .bytes_max = 10};
    CountingSink sink;
    ImportReceiver receiver{limits, sink};

    Result<void> give(FrameType type, const std::vector<std::byte>& payload) {
        return receiver.take({type, payload});
    }
    Result<void> give_file(const std::string& text) {
        const auto bytes = std::as_bytes(std::span(text));
        SR_DO(give(FrameType::content, {bytes.begin(), bytes.end()}));
        return give(FrameType::content_end, number(std::uint64_t{text.size()}));
    }
};

TEST_CASE("contents and entries become a manifest, with digests of our own finding") {
    World world;
    REQUIRE(world.give_file("abc"));
    REQUIRE(world.give(FrameType::entry, encoded(kRoot)));
    REQUIRE(world.give(FrameType::entry, encoded({.path = "a", .type = EntryType::file})));
    REQUIRE(world.give(FrameType::done, number(std::uint32_t{2})));
    REQUIRE(world.receiver.is_done());
    const auto manifest = std::move(world.receiver).make_manifest();
    REQUIRE(manifest);
    CHECK(manifest->entries()[1].size_bytes == 3);
    CHECK(blob::to_hex(manifest->entries()[1].digest).starts_with("ba7816bf"));
}

TEST_CASE("frames that may not come now are refused") {
    Entry unknown{.path = "a", .type = EntryType::file};
    unknown.digest.bytes[0] = std::byte{1};
    Entry claiming{.path = "a", .type = EntryType::file};
    claiming.digest.bytes[31] = std::byte{1};
    Entry sized{.path = "a", .type = EntryType::file, .size_bytes = 1};
    for (const Entry& entry : {unknown, claiming, sized}) {
        World world;
        REQUIRE(world.give_file("abc"));
        CHECK(world.give(FrameType::entry, encoded(entry)).error().code == EPROTO);
    }
    World world;
    CHECK(world.give(FrameType::content_end, number(std::uint64_t{1})).error().code == EPROTO);
    CHECK(world.give(FrameType::done, number(std::uint32_t{1})).error().code == EPROTO);
    REQUIRE(world.give(FrameType::done, number(std::uint32_t{0})));
    CHECK(world.give(FrameType::progress, number(std::uint64_t{1})).error().code == EPROTO);
    CHECK_FALSE(std::move(world.receiver).make_manifest());
}

TEST_CASE("the limits are counted here again") {
    World bytes;
    CHECK(bytes.give_file("12345678901").error().code == E2BIG);
    World entries;
    for (int i = 0; i < 4; ++i) REQUIRE(entries.give(FrameType::entry, encoded(kRoot)));
    CHECK(entries.give(FrameType::entry, encoded(kRoot)).error().code == E2BIG);
    World files;
    for (int i = 0; i < 8; ++i) REQUIRE(files.give_file(""));
    CHECK(files.give_file("").error().code == E2BIG);
}

TEST_CASE("a refusal is told as it came, with a code that is one") {
    for (const auto& [code, wanted] : {std::pair{std::uint32_t{E2BIG}, E2BIG},
                                       std::pair{0xffffffffU, EPROTO}, std::pair{0U, EPROTO}}) {
        World world;
        std::vector<std::byte> payload = number(code);
        payload.push_back(std::byte{'x'});
        const auto told = world.give(FrameType::refusal, payload);
        REQUIRE_FALSE(told);
        CHECK(told.error().code == wanted);
        CHECK(told.error().message == "x");
    }
}

TEST_CASE("frames are taken off the front once they are whole") {
    std::vector<std::byte> bytes = frame_header(FrameType::note, 2);
    bytes.insert(bytes.end(), {std::byte{'h'}, std::byte{'i'}, std::byte{9}});
    for (std::size_t size = 0; size < 7; ++size) {
        const auto frame = take_frame(std::span(bytes).first(size));
        REQUIRE(frame);
        CHECK_FALSE(frame->has_value());
    }
    const auto frame = take_frame(bytes);
    CHECK((*frame)->payload.size() == 2);
    bytes[0] = std::byte{10};
    CHECK(take_frame(bytes).error().code == EPROTO);
    bytes[0] = std::byte{1};
    bytes[4] = std::byte{0xff};
    CHECK(take_frame(bytes).error().code == EMSGSIZE);
}

TEST_CASE("options go through the importer's command line and back") {
    ImportOptions options;
    options.limits = {1, 2, 3, 4, 5, 6, 7};
    options.special = SpecialFiles::keep;
    options.uid = 8;
    options.platform = "linux/arm64";
    options.reference = "a=b c";
    const std::vector<std::string> words = to_arguments(options);
    CHECK(*parse_import_arguments({words.begin(), words.end()}) == options);
    for (const std::string_view wrong :
         {"x", "x=1", "uid=", "uid=-1", "uid=4294967295", "special=3", "bytes_max=1x"})
        CHECK_FALSE(parse_import_arguments({wrong}));
}

}  // namespace
}  // namespace shardrun::image
