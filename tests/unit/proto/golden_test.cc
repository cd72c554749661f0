#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>

#include "golden_file.h"
#include "golden_frames.h"
#include "proto/frame.h"
#include "proto/frame_decoder.h"

namespace shardrun::proto {
namespace {

using Bytes = std::span<const std::byte>;

TEST_CASE("every vector has its frame and every frame its vector") {
    const auto frames = golden_frames();
    std::size_t refusals = 0;
    for (const auto& [name, file] : golden_files()) {
        CAPTURE(name);
        CHECK(file.is_refusal != frames.contains(name));
        refusals += file.is_refusal ? 1 : 0;
    }
    CHECK(golden_files().size() == frames.size() + refusals);
    CHECK(refusals > 50);
}

TEST_CASE("a vector's bytes decode to its frame") {
    for (const auto& [name, frame] : golden_frames()) {
        CAPTURE(name);
        const auto decoded = decode_frame(golden_files().at(name).bytes);
        REQUIRE_MESSAGE(decoded, decoded.error().error.message);
        CHECK(*decoded == frame);
    }
}

TEST_CASE("a vector's frame encodes to its bytes") {
    for (const auto& [name, frame] : golden_frames()) {
        CAPTURE(name);
        const GoldenFile& file = golden_files().at(name);
        const auto encoded = encode_frame(frame);
        REQUIRE_MESSAGE(encoded, encoded.error().message);
        if (!file.has_unknown) CHECK(*encoded == file.bytes);
    }
}

TEST_CASE(
    "a vector to refuse is refused with its code and its offset, and the answer can be sent") {
    for (const auto& [name, file] : golden_files()) {
        if (!file.is_refusal) continue;
        CAPTURE(name);
        const auto decoded = decode_frame(file.bytes);
        REQUIRE(!decoded);
        CAPTURE(decoded.error().error.message);
        CHECK(decoded.error().error.code == file.code);
        CHECK(decoded.error().offset_bytes == file.offset_bytes);
        const auto answer = encode_frame(make_error_reply(decoded.error()));
        CHECK_MESSAGE(answer, answer.error().message);
    }
}

TEST_CASE("a vector to refuse is refused by the stream decoder too, at the same place") {
    for (const auto& [name, file] : golden_files()) {
        if (!file.is_refusal) continue;
        CAPTURE(name);
        FrameDecoder decoder;
        Bytes rest = file.bytes;
        const auto received = decoder.next(rest);
        REQUIRE(!received);
        CHECK(received.error().error.code == file.code);
        CHECK(received.error().offset_bytes == file.offset_bytes);
    }
}

TEST_CASE("every truncation is incomplete for a stream and refused as a whole frame") {
    for (const auto& [name, frame] : golden_frames()) {
        const std::vector<std::byte>& bytes = golden_files().at(name).bytes;
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            CAPTURE(name);
            CAPTURE(size);
            const std::vector<std::byte> cut(bytes.begin(),
                                             bytes.begin() + static_cast<std::ptrdiff_t>(size));
            CHECK(!decode_frame(cut));
            FrameDecoder decoder;
            Bytes rest = cut;
            const auto received = decoder.next(rest);
            REQUIRE(received);
            CHECK(!*received);
        }
    }
}

/// As `bytes` cut to `size`, and with a header that says so.
std::vector<std::byte> shortened(const std::vector<std::byte>& bytes, std::size_t size) {
    std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    const std::size_t payload = size - kHeaderSize;
    for (std::size_t i = 0; i < 4; ++i) cut[i] = static_cast<std::byte>(payload >> (8 * i));
    return cut;
}

TEST_CASE("a payload cut short, and so declared, is refused or is a shorter message of its own") {
    std::size_t refused = 0;
    for (const auto& [name, frame] : golden_frames()) {
        const std::vector<std::byte>& bytes = golden_files().at(name).bytes;
        for (std::size_t size = kHeaderSize; size < bytes.size(); ++size) {
            CAPTURE(name);
            CAPTURE(size);
            const auto decoded = decode_frame(shortened(bytes, size));
            if (decoded) {
                CHECK(encode_frame(*decoded));
                continue;
            }
            ++refused;
            CHECK(decoded.error().error.code == EPROTO);
            CHECK(decoded.error().offset_bytes <= size);
        }
    }
    CHECK(refused > 1000);
}

void check_corruption(std::vector<std::byte> bytes, std::size_t at, std::byte value) {
    bytes[at] = value;
    const auto decoded = decode_frame(bytes);
    if (!decoded) {
        CHECK(decoded.error().offset_bytes <= bytes.size());
        CHECK(encode_frame(make_error_reply(decoded.error())));
        return;
    }
    const auto encoded = encode_frame(*decoded);
    REQUIRE_MESSAGE(encoded, encoded.error().message);
    const auto again = decode_frame(*encoded);
    REQUIRE(again);
    CHECK(*again == *decoded);
}

TEST_CASE("every corruption of one byte is refused, or is a frame that survives the round trip") {
    for (const auto& [name, file] : golden_files()) {
        CAPTURE(name);
        for (std::size_t at = 0; at < file.bytes.size(); ++at)
            for (unsigned value :
                 {0U, 1U, 0x7fU, 0x80U, 0xffU, std::to_integer<unsigned>(file.bytes[at]) ^ 1U,
                  std::to_integer<unsigned>(file.bytes[at]) ^ 0x80U})
                check_corruption(file.bytes, at, static_cast<std::byte>(value));
    }
}

}  // namespace
}  // namespace shardrun::proto
