#include "image/path.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace shardrun::image {
namespace {

TEST_CASE("canonical paths are accepted, whatever bytes they have") {
    for (const std::string& path :
         {std::string(), std::string("a"), std::string("a/b"), std::string("..."),
          std::string(".a/..b"), std::string("\xff\n \x01"), std::string(255, 'x'),
          std::string(255, 'x') + "/y"})
        CHECK(check_path(path));
    std::string longest = std::string(255, 'x');
    while (longest.size() + 256 <= kPathSizeMax) longest += "/" + std::string(255, 'x');
    CHECK(check_path(longest));
}

TEST_CASE("what is nearly a canonical path is refused") {
    for (const std::string& path :
         {std::string("/"), std::string("/a"), std::string("a/"), std::string("a//b"),
          std::string("."), std::string("a/./b"), std::string(".."), std::string("a/.."),
          std::string("../a"), std::string("a\0b", 3), std::string(256, 'x'),
          "a/" + std::string(256, 'x')}) {
        CAPTURE(path);
        CHECK_FALSE(check_path(path));
    }
    std::string too_long = "a";
    while (too_long.size() <= kPathSizeMax) too_long += "/a";
    CHECK(check_path(too_long).error().code == ENAMETOOLONG);
}

TEST_CASE("a directory is followed by what is below it, without anything between") {
    std::vector<std::string> paths{"a-b", "a/b", "a", "", "a/b/c", "a.x", "b", "a/\xff", "a/-"};
    std::ranges::sort(paths, [](const std::string& x, const std::string& y) {
        return compare_paths(x, y) == std::strong_ordering::less;
    });
    CHECK(paths ==
          std::vector<std::string>{"", "a", "a/-", "a/b", "a/b/c", "a/\xff", "a-b", "a.x", "b"});
    CHECK(compare_paths("a/b", "a/b") == std::strong_ordering::equal);
}

TEST_CASE("paths are taken apart") {
    CHECK(parent_path("a/b/c") == "a/b");
    CHECK(parent_path("a").empty());
    CHECK(last_name("a/b") == "b");
    CHECK(last_name("a") == "a");
    CHECK(is_within("a/b", "a"));
    CHECK(is_within("a", "a"));
    CHECK(is_within("a", ""));
    CHECK_FALSE(is_within("ab", "a"));
    CHECK_FALSE(is_within("a", "a/b"));
    CHECK(depth_of("") == 0);
    CHECK(depth_of("a/b") == 2);
}

}  // namespace
}  // namespace shardrun::image
