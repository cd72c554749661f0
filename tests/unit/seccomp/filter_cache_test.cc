#include "seccomp/filter_cache.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <linux/capability.h>

#include <cerrno>

#include "seccomp/filter_file.h"

using namespace shardrun;
using namespace shardrun::seccomp;

namespace {

const ProfileContext kContext{0, {6, 1}, kNativeArch};
constexpr const char* kText =
    R"({"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_LOG"],
        "syscalls":[{"names":["mount"],"action":"SCMP_ACT_ERRNO"}]})";

struct Stored {
    FilterKey key;
    FilterProgram program;
    std::vector<std::byte> bytes;
};

Stored stored(std::string_view text = kText, const ProfileContext& context = kContext) {
    const FilterKey key = *filter_key_of(text, context);
    FilterProgram program = *load_profile(text, context);
    auto bytes = *encode_filter(key, program);
    return {key, std::move(program), std::move(bytes)};
}

int refusal(const FilterKey& key, std::span<const std::byte> bytes) {
    const auto program = decode_filter(key, bytes);
    return program ? 0 : program.error().code;
}

}  // namespace

TEST_CASE("a profile is compiled once for each context") {
    FilterCache cache;
    const auto first = *cache.load(kText, kContext);
    CHECK(*cache.load(kText, kContext) == first);
    CHECK(*cache.load("", kContext) != first);
    CHECK(*cache.load(kText, {1, {6, 1}, kNativeArch}) != first);
    CHECK(*cache.load(kText, {0, {6, 2}, kNativeArch}) != first);
    CHECK(cache.size() == 4);
    CHECK(first->load_flags == SECCOMP_FILTER_FLAG_LOG);
}

TEST_CASE("what does not parse is not cached, and refused again") {
    FilterCache cache;
    CHECK(!cache.load("{", kContext));
    CHECK(!cache.load("{", kContext));
    CHECK(cache.size() == 0);
}

TEST_CASE("the cache is bounded and drops what was unused for longest") {
    FilterCache cache;
    const auto kept = *cache.load(kText, kContext);
    for (std::uint64_t capabilities = 1; capabilities < FilterCache::kFiltersMax; ++capabilities)
        REQUIRE(cache.load(kText, {capabilities, {6, 1}, kNativeArch}));
    const auto second = *cache.load(kText, {1, {6, 1}, kNativeArch});
    CHECK(*cache.load(kText, kContext) == kept);
    REQUIRE(cache.load(kText, {1000, {6, 1}, kNativeArch}));
    CHECK(cache.size() == FilterCache::kFiltersMax);
    CHECK(*cache.load(kText, kContext) == kept);
    CHECK(*cache.load(kText, {1, {6, 1}, kNativeArch}) == second);
    CHECK(kept->instructions.size() > 1);
}

TEST_CASE("a stored filter comes back as it was") {
    for (const std::string_view text : {std::string_view(kText), std::string_view()}) {
        const Stored one = stored(text);
        const auto program = decode_filter(one.key, one.bytes);
        REQUIRE(program);
        CHECK(*program == one.program);
    }
}

TEST_CASE("a stored filter with any one bit changed, or cut anywhere, is refused") {
    const Stored one = stored();
    for (std::size_t i = 0; i < one.bytes.size(); ++i)
        for (int bit = 0; bit < 8; ++bit) {
            auto damaged = one.bytes;
            damaged[i] ^= std::byte(1 << bit);
            REQUIRE(refusal(one.key, damaged) == EBADMSG);
        }
    for (std::size_t size = 0; size < one.bytes.size(); ++size)
        REQUIRE(refusal(one.key, std::span(one.bytes).first(size)) == EBADMSG);
    auto longer = one.bytes;
    longer.push_back(std::byte{0});
    CHECK(refusal(one.key, longer) == EBADMSG);
}

TEST_CASE("a stored filter of another profile, capability set, kernel or arch is refused") {
    const Stored one = stored();
    const auto other = [](std::string_view text, const ProfileContext& context) {
        return *filter_key_of(text, context);
    };
    CHECK(refusal(one.key, one.bytes) == 0);
    CHECK(refusal(other("", kContext), one.bytes) == ESTALE);
    CHECK(refusal(other(kText, {1, {6, 1}, kNativeArch}), one.bytes) == ESTALE);
    CHECK(refusal(other(kText, {0, {6, 2}, kNativeArch}), one.bytes) == ESTALE);
    CHECK(refusal(other(kText, {0, {6, 1}, Arch::arm}), one.bytes) == ESTALE);
}

TEST_CASE("a stored program that the kernel would refuse is refused though its digest is right") {
    Stored one = stored();
    one.program.instructions.front().k = 1;  // An unaligned load.
    CHECK(refusal(one.key, *encode_filter(one.key, one.program)) == EINVAL);
    one.program.instructions.clear();
    CHECK(refusal(one.key, *encode_filter(one.key, one.program)) == EINVAL);
}

TEST_CASE("a good stored filter is used, a damaged one is compiled again and told of") {
    Stored one = stored();
    std::string message;
    FilterCache cache;
    const auto used = *cache.load_stored(kText, kContext, one.bytes, &message);
    CHECK(*used == one.program);
    CHECK(message.empty());
    one.bytes[60] ^= std::byte{1};
    FilterCache fresh;
    const auto again = *fresh.load_stored(kText, kContext, one.bytes, &message);
    CHECK(*again == one.program);
    CHECK(message ==
          "the compiled filter is damaged: its digest does not match; compiled it again");
}

TEST_CASE("each key has a file name of its own") {
    const std::string name = *filter_file_name(*filter_key_of(kText, kContext));
    CHECK(name.size() == 64);
    CHECK(name.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(name != *filter_file_name(*filter_key_of(kText, {1, {6, 1}, kNativeArch})));
    CHECK(name != *filter_file_name(*filter_key_of("", kContext)));
    CHECK(name == *filter_file_name(*filter_key_of(kText, kContext)));
}
