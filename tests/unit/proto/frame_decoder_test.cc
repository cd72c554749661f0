#include <doctest/doctest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "proto/frame_decoder.h"
#include "random_frame.h"
#include "raw_frame.h"

namespace shardrun::proto {
namespace {

using Bytes = std::span<const std::byte>;

std::vector<std::byte> session_bytes() {
    return *encode_frame(
        {MessageType::resource_request, 0, 5, 0, ResourceRequest{ResourceRequest::Session{"web"}}});
}

struct Stream {
    std::vector<Frame> frames;
    std::vector<std::uint64_t> begins;
    std::vector<std::byte> bytes;
};

Stream random_stream(Rng& rng) {
    Stream stream;
    for (std::uint64_t count = 1 + rng.below(6); count > 0; --count) {
        stream.frames.push_back(random_frame(rng));
        stream.begins.push_back(stream.bytes.size());
        const auto bytes = *encode_frame(stream.frames.back());
        stream.bytes.insert(stream.bytes.end(), bytes.begin(), bytes.end());
    }
    return stream;
}

TEST_CASE("frames come out whole and in order however the stream is cut") {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        CAPTURE(seed);
        Rng rng(seed);
        const Stream stream = random_stream(rng);
        FrameDecoder decoder;
        std::vector<ReceivedFrame> received;
        const std::uint64_t piece_max = 1 + rng.below(rng.chance(50) ? 20 : 5000);
        for (Bytes left = stream.bytes; !left.empty();) {
            Bytes piece = left.first(std::min<std::size_t>(left.size(), 1 + rng.below(piece_max)));
            left = left.subspan(piece.size());
            for (;;) {
                auto next = decoder.next(piece);
                REQUIRE(next);
                const std::optional<ReceivedFrame>& frame = *next;
                if (!frame) break;
                received.push_back(*frame);
            }
            CHECK(piece.empty());
        }
        REQUIRE(received.size() == stream.frames.size());
        for (std::size_t i = 0; i < received.size(); ++i) {
            CHECK(received[i].frame == stream.frames[i]);
            CHECK(received[i].begin_offset_bytes == stream.begins[i]);
        }
        CHECK(received.back().end_offset_bytes == stream.bytes.size());
        CHECK(!decoder.is_mid_frame());
        CHECK(decoder.offset_bytes() == stream.bytes.size());
    }
}

TEST_CASE("it says how many bytes are missing") {
    const std::vector<std::byte> bytes = session_bytes();
    FrameDecoder decoder;
    CHECK(decoder.missing_bytes() == kHeaderSize);
    CHECK(!decoder.is_mid_frame());
    for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
        Bytes one = Bytes(bytes).subspan(i, 1);
        REQUIRE(decoder.next(one));
        const std::size_t size = i + 1 < kHeaderSize ? kHeaderSize : bytes.size();
        CHECK(decoder.missing_bytes() == size - i - 1);
        CHECK(decoder.is_mid_frame());
        CHECK(decoder.frame_begin_bytes() == 0);
    }
    Bytes last = Bytes(bytes).last(1);
    const auto frame = decoder.next(last);
    REQUIRE(frame);
    CHECK(frame->has_value());
    CHECK(decoder.missing_bytes() == kHeaderSize);
    CHECK(decoder.frame_begin_bytes() == bytes.size());
}

TEST_CASE("a bad header is refused before its payload arrives, and the stream is lost") {
    std::vector<std::byte> bytes = session_bytes();
    bytes[4] = std::byte{2};
    FrameDecoder decoder;
    Bytes header = Bytes(bytes).first(kHeaderSize);
    const auto refused = decoder.next(header);
    REQUIRE(!refused);
    CHECK(refused.error().error.code == EPROTONOSUPPORT);
    CHECK(refused.error().header.correlation == 5);
    const std::vector<std::byte> good = session_bytes();
    Bytes rest = good;
    CHECK(decoder.next(rest) == refused);
    CHECK(rest.size() == good.size());
}

TEST_CASE("each field of a header is judged without its payload") {
    struct Bad {
        std::size_t at;
        std::uint8_t value;
        std::string sentence;
    };
    const std::vector<Bad> headers{{2, 0xff, "header.payload_size: 16711687 is more than 1048576"},
                                   {4, 2, "header.version: 2 is not 1"},
                                   {5, 7, "header.type: 7 is not within 1..6"},
                                   {6, 16, "header.flags: 0x10 has bits beyond 0x0f"},
                                   {7, 9, "header.fd_count: 9 is more than 8"},
                                   {8, 0, "header.correlation: 0 without error"}};
    for (const Bad& bad : headers) {
        std::vector<std::byte> bytes = session_bytes();
        bytes[bad.at] = std::byte{bad.value};
        FrameDecoder decoder;
        Bytes header = Bytes(bytes).first(kHeaderSize);
        const auto refused = decoder.next(header);
        REQUIRE(!refused);
        CHECK(refused.error().error.message == bad.sentence);
        CHECK(refused.error().offset_bytes == (bad.at == 2 ? 0 : bad.at));
    }
}

TEST_CASE("a whole frame has no bytes behind it") {
    std::vector<std::byte> bytes = session_bytes();
    bytes.push_back(std::byte{0});
    const auto refused = decode_frame(bytes);
    REQUIRE(!refused);
    CHECK(refused.error().error.message == "header.payload_size: 7, but 8 bytes follow");
}

TEST_CASE("an empty payload is a whole frame as soon as its header is there") {
    RawFrame raw(MessageType::resource_request, 0);
    const std::vector<std::byte> bytes = raw.bytes();
    FrameDecoder decoder;
    Bytes rest = bytes;
    const auto refused = decoder.next(rest);
    REQUIRE(!refused);
    CHECK(refused.error().offset_bytes == kHeaderSize);
}

TEST_CASE("a receiver may allow less than the protocol, never more") {
    const std::vector<std::byte> bytes = session_bytes();
    const std::size_t payload = bytes.size() - kHeaderSize;
    FrameDecoder exact(payload);
    Bytes rest = bytes;
    REQUIRE(exact.next(rest));
    FrameDecoder narrow(payload - 1);
    rest = bytes;
    const auto refused = narrow.next(rest);
    REQUIRE(!refused);
    CHECK(refused.error().error.code == EMSGSIZE);
    FrameDecoder wide(std::size_t{1} << 30U);
    std::vector<std::byte> huge = session_bytes();
    huge[2] = std::byte{0x11};  // 1 MiB + 64 KiB and some
    rest = huge;
    CHECK(!wide.next(rest));
}

}  // namespace
}  // namespace shardrun::proto
