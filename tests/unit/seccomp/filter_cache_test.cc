#include "seccomp/filter_cache.h"

#include <doctest/doctest.h>

using namespace shardrun;
using namespace shardrun::seccomp;

namespace {

const ProfileContext kContext{0, {6, 1}, kNativeArch};
constexpr const char* kText =
    R"({"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_LOG"],
        "syscalls":[{"names":["mount"],"action":"SCMP_ACT_ERRNO"}]})";

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
