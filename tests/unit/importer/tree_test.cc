#include "importer/tree.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "importer/budget.h"

namespace shardrun::importer {
namespace {

using image::EntryType;

Inode of_type(EntryType type, const std::string& target = "") {
    Inode inode;
    inode.attributes.type = type;
    inode.attributes.target = target;
    return inode;
}

struct World {
    Tree tree;

    void add(const std::string& path, EntryType type = EntryType::file,
             const std::string& target = "") {
        REQUIRE(tree.add(path, of_type(type, target)));
    }
    std::vector<std::string> paths() const {
        std::vector<std::string> found;
        tree.visit([&](const std::string& path, const Node&) { found.push_back(path); });
        return found;
    }
};

using Paths = std::vector<std::string>;

TEST_CASE("parents that nobody named are made, and what comes is in order") {
    World world;
    world.add("b/c/d");
    world.add("a-b");
    world.add("a/x");
    CHECK(world.paths() == Paths{"", "a", "a/x", "a-b", "b", "b/c", "b/c/d"});
}

TEST_CASE("a directory keeps what is in it, everything else replaces it") {
    World world;
    world.add("d/x");
    world.add("d", EntryType::directory);
    CHECK(world.paths() == Paths{"", "d", "d/x"});
    world.add("d");
    CHECK(world.paths() == Paths{"", "d"});
}

TEST_CASE("nothing is put through a link or below what is no directory") {
    World world;
    world.add("l", EntryType::symlink, "/");
    world.add("f");
    CHECK(world.tree.add("l/x", of_type(EntryType::file)).error().code == ELOOP);
    CHECK(world.tree.add("f/x", of_type(EntryType::file)).error().code == ENOTDIR);
    CHECK(world.tree.add("", of_type(EntryType::file)).error().code == ENOTDIR);
    CHECK(world.paths() == Paths{"", "f", "l"});
}

TEST_CASE("a hard link leads to the same file, also when its first name goes") {
    World world;
    world.add("a");
    REQUIRE(world.tree.add_hard_link("b", "a"));
    CHECK(world.tree.find("a")->inode == world.tree.find("b")->inode);
    world.tree.begin_layer();
    REQUIRE(world.tree.hide("a"));
    CHECK(world.paths() == Paths{"", "b"});
    CHECK(world.tree.add_hard_link("c", "a").error().code == ENOENT);
    CHECK(world.tree.add_hard_link("c", "").error().code == EISDIR);
}

TEST_CASE("hiding takes what lower layers have and nothing of this one") {
    World world;
    world.add("d/old");
    world.add("e/old");
    world.tree.begin_layer();
    world.add("d/new");
    REQUIRE(world.tree.hide("d"));
    REQUIRE(world.tree.hide_below("e"));
    REQUIRE(world.tree.hide("nowhere/x"));
    REQUIRE(world.tree.hide_below("nowhere"));
    CHECK(world.paths() == Paths{"", "d", "d/new", "e"});
    CHECK_FALSE(world.tree.hide(""));
    REQUIRE(world.tree.hide_below(""));
    CHECK(world.paths() == Paths{"", "d", "d/new"});
}

TEST_CASE("paths are resolved through links, which never lead out of the image") {
    World world;
    world.add("usr/lib/x");
    world.add("lib", EntryType::symlink, "usr/lib");
    world.add("abs", EntryType::symlink, "/lib/./x");
    world.add("out", EntryType::symlink, "../../../usr/lib/x");
    world.add("loop", EntryType::symlink, "loop");
    const Node* const x = world.tree.find("usr/lib/x");
    for (const char* const path :
         {"/usr/lib/x", "/lib/x", "/abs", "/out", "/lib/../lib/x", "/../usr//lib/x"})
        CHECK(world.tree.resolve(path) == x);
    CHECK(world.tree.resolve("x", "usr/lib") == x);
    CHECK(world.tree.resolve("../lib/x", "usr/lib") == x);
    for (const char* const path : {"/loop", "/none", "/usr/lib/x/y", "/lib/y"})
        CHECK(world.tree.resolve(path) == nullptr);
    CHECK(world.tree.resolve("/") == &world.tree.root());
}

TEST_CASE("names in archives are made canonical, unless they lead elsewhere") {
    CHECK(*canonical_path("./a//b/./c/") == "a/b/c");
    CHECK(canonical_path("./")->empty());
    CHECK(canonical_path("")->empty());
    CHECK(*canonical_path("...") == "...");
    for (const char* const path : {"/", "/a", "..", "a/..", "a/../b", "./../a"})
        CHECK_FALSE(canonical_path(path));
}

TEST_CASE("a budget refuses what is one too much") {
    const image::ImportLimits limits{.entries_max = 2,
                                     .bytes_max = std::uint64_t{1} << 30U,
                                     .ratio_max = 10,
                                     .depth_max = 3,
                                     .name_max = 4,
                                     .layers_max = 1};
    Budget budget(limits);
    CHECK(budget.add_entry("a/b/four"));
    CHECK_FALSE(Budget(limits).add_entry("a/b/c/d"));
    CHECK(Budget(limits).add_entry("fives").error().code == ENAMETOOLONG);
    CHECK(budget.add_entry(""));
    CHECK(budget.add_entry("a").error().code == E2BIG);
    CHECK(budget.check_layers(1));
    CHECK_FALSE(budget.check_layers(2));
    CHECK(budget.add_content("x", std::uint64_t{16} << 20U));
    budget.add_input(2'000'000);
    CHECK(budget.add_content("x", 3'000'000));
    CHECK(budget.add_content("x", 3'000'000).error().message.find("--max-ratio") !=
          std::string::npos);
}

}  // namespace
}  // namespace shardrun::importer
