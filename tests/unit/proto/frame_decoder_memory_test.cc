// What a decoder costs, by counting every allocation of this program.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "proto/frame_decoder.h"
#include "raw_frame.h"

namespace {

std::size_t largest = 0;  ///< since it was last set to 0

}  // namespace

void* operator new(std::size_t size) {
    largest = std::max(largest, size);
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace shardrun::proto {
namespace {

using Bytes = std::span<const std::byte>;

/// A request with 16 arguments of 60 000 bytes.
std::vector<std::byte> large_frame() {
    RawFrame raw = raw_run();
    for (int i = 0; i < 16; ++i) raw.field(Tag::argument, 60000);
    return raw.bytes();
}

TEST_CASE("a declared length costs nothing before its bytes arrive") {
    const std::vector<std::byte> bytes = large_frame();
    FrameDecoder decoder;
    Bytes begin = Bytes(bytes).first(kHeaderSize + 10);
    largest = 0;
    REQUIRE(decoder.next(begin));
    CHECK(decoder.missing_bytes() == bytes.size() - kHeaderSize - 10);
    CHECK(largest > 0);
    CHECK(largest < 128);
}

TEST_CASE("what is held grows with what has arrived") {
    const std::vector<std::byte> bytes = large_frame();
    FrameDecoder decoder;
    largest = 0;
    for (std::size_t arrived = 0; arrived + 4096 < bytes.size(); arrived += 4096) {
        Bytes piece = Bytes(bytes).subspan(arrived, 4096);
        REQUIRE(decoder.next(piece));
        CHECK(largest <= 2 * (arrived + 4096));
    }
}

TEST_CASE("a connection that sent a large frame and idles holds no large buffer") {
    const std::vector<std::byte> large = large_frame();
    const std::vector<std::byte> small = raw_run().bytes();
    FrameDecoder decoder;
    for (int i = 0; i < 2; ++i) {
        Bytes rest = large;
        REQUIRE(decoder.next(rest));
        // The buffer of a small frame must be allocated anew, since the large one is gone.
        rest = small;
        largest = 0;
        REQUIRE(decoder.next(rest));
        CHECK(largest > 0);
        CHECK(largest < kBufferKeptMax);
        // And it is kept: the next small frame allocates for its values only.
        rest = Bytes(small).first(kHeaderSize);
        largest = 0;
        REQUIRE(decoder.next(rest));
        CHECK(largest == 0);
        rest = Bytes(small).subspan(kHeaderSize);
        REQUIRE(decoder.next(rest));
    }
}

}  // namespace
}  // namespace shardrun::proto
