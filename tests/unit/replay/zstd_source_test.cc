#include "replay/zstd_source.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "base/fail.h"
#include "compress.h"
#include "memory_source.h"

using namespace shardrun;
using namespace shardrun::replay;

namespace {

Result<std::string> read_all(const std::string& bytes, std::size_t piece_max = 1U << 20U,
                             std::size_t buffer_size = 4096) {
    MemorySource inner(bytes, piece_max);
    ZstdSource source(inner);
    std::string out;
    std::vector<char> buffer(buffer_size);
    while (true) {
        SR_TRY(const std::size_t size, source.read(buffer));
        if (size == 0) return out;
        out.append(buffer.data(), size);
    }
}

std::string numbers(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += std::to_string(i * 7919 % 10007) + ",";
    return text;
}

}  // namespace

TEST_CASE("bytes that are not compressed come out as they are") {
    for (const std::string bytes : {"", "t", "tim", "time", "time,client", "\x28\xb5\x2f"})
        CHECK(read_all(bytes, 1) == bytes);
    const std::string many = numbers(100000);
    CHECK(read_all(many) == many);
}

TEST_CASE("a frame comes out decompressed, however it is cut") {
    const std::string text = numbers(100000);
    const std::string frame = compress(text);
    CHECK(frame.size() < text.size());
    for (const std::size_t piece : {1U, 3U, 1000U, 1U << 20U})
        for (const std::size_t buffer : {7U, 65536U}) CHECK(read_all(frame, piece, buffer) == text);
}

TEST_CASE("frames follow one another, also empty ones and ones without data") {
    const std::string skippable("\x5a\x2a\x4d\x18\x03\x00\x00\x00xyz", 11);
    CHECK(read_all(compress("ab") + compress("") + skippable + compress("c")) == "abc");
    CHECK(read_all(skippable + compress("abc"), 1) == "abc");
    CHECK(read_all(compress("")) == "");
}

TEST_CASE("a frame that ends early is refused, wherever it was cut") {
    const std::string frame = compress(numbers(500));
    for (std::size_t size = 4; size < frame.size(); ++size) {
        const auto out = read_all(frame.substr(0, size));
        REQUIRE_FALSE(out.has_value());
        REQUIRE(out.error().code == EBADMSG);
        REQUIRE(out.error().message == "the zstd data ends in the middle of a frame");
    }
}

TEST_CASE("damaged data is refused") {
    std::string frame = compress(numbers(500));
    frame[frame.size() / 2] = static_cast<char>(frame[frame.size() / 2] ^ 0x10);
    const auto damaged = read_all(frame);
    REQUIRE_FALSE(damaged.has_value());
    CHECK(damaged.error().message.starts_with("the zstd data is damaged ("));
    const auto followed = read_all(compress("abc") + "time,client");
    REQUIRE_FALSE(followed.has_value());
    CHECK(followed.error().code == EBADMSG);
}

TEST_CASE(
    "a frame that would take more memory than its bound is refused, one at the bound is not") {
    const std::string text = numbers(100);
    CHECK(read_all(compress(text, 27)) == text);
    const auto out = read_all(compress(text, 28));
    REQUIRE_FALSE(out.has_value());
    CHECK(out.error().code == E2BIG);
}
