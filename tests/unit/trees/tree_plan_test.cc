#include "trees/tree_plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>

using namespace shardrun;
using namespace shardrun::trees;

namespace {

using image::EntryType;

image::Entry entry(std::string path, EntryType type) {
    image::Entry made;
    made.path = std::move(path);
    made.type = type;
    made.mode = 0755;
    return made;
}

image::Entry file(std::string path, std::uint64_t size_bytes) {
    image::Entry made = entry(std::move(path), EntryType::file);
    made.size_bytes = size_bytes;
    made.digest.bytes[0] = std::byte(size_bytes);
    made.mtime = {7, 9};
    return made;
}

image::Entry soft_link(std::string path, std::string target) {
    image::Entry made = entry(std::move(path), EntryType::symlink);
    made.target = std::move(target);
    return made;
}

image::Entry hard_link(std::string path, std::uint32_t to) {
    image::Entry made;
    made.path = std::move(path);
    made.type = EntryType::hard_link;
    made.link_to = to;
    return made;
}

/// The root and `entries`, which are in order.
Result<TreePlan> plan_of(std::vector<image::Entry> entries) {
    entries.insert(entries.begin(), entry("", EntryType::directory));
    const auto manifest = image::Manifest::create(std::move(entries), {}, {});
    REQUIRE_MESSAGE(manifest, (manifest ? "" : manifest.error().message));
    return TreePlan::create(*manifest);
}

const gate::Entry* find(const TreePlan& plan, std::string_view path) {
    const auto found = std::ranges::find(*plan.entries(), path, &gate::Entry::path);
    return found == plan.entries()->end() ? nullptr : &*found;
}

int code_of(const TreePlan& plan, std::string_view path) {
    const auto found = plan.find_file(path);
    return found ? 0 : found.error().code;
}

std::string path_of(const TreePlan& plan, std::string_view path) {
    const auto found = plan.find_file(path);
    return found ? (*plan.entries())[std::to_underlying(*found)].path : found.error().message;
}

}  // namespace

TEST_CASE("a tree has the image's names and whatever a shard mounts upon") {
    const auto plan = plan_of({entry("run", EntryType::directory), file("run/a", 5000),
                               hard_link("run/b", 2), soft_link("run/c", "a")});
    REQUIRE(plan);
    for (const char* name : {"blobs", "dev", "proc", "run", "sys", "tmp"}) {
        CAPTURE(name);
        REQUIRE(find(*plan, name) != nullptr);
        CHECK(find(*plan, name)->type == gate::EntryType::directory);
    }
    CHECK(std::ranges::count(*plan->entries(), "run", &gate::Entry::path) == 1);
    CHECK(find(*plan, "run/a")->size_bytes == 5000);
    CHECK(find(*plan, "run/a")->mtime.tv_nsec == 9);
    CHECK(find(*plan, "run/b")->target == "run/a");
    CHECK(find(*plan, "run/c")->target == "a");
    CHECK(plan->content_bytes() == 8192);
}

TEST_CASE("something else in the place of a mount point is refused by name") {
    for (const char* name : {"blobs", "dev", "proc", "run", "sys", "tmp"}) {
        CAPTURE(name);
        const auto plan = plan_of({file(name, 1)});
        REQUIRE(!plan);
        CHECK(plan.error().code == ENOTDIR);
        CHECK(plan.error().message.find(name) != std::string::npos);
    }
    CHECK(!plan_of({soft_link("tmp", "var/tmp")}));
}

TEST_CASE("devices, FIFOs and sockets are left out and counted") {
    const auto plan = plan_of({entry("a", EntryType::char_device), entry("b", EntryType::fifo),
                               entry("c", EntryType::socket), file("d", 1)});
    REQUIRE(plan);
    CHECK(plan->left_out_count() == 3);
    CHECK(find(*plan, "a") == nullptr);
    CHECK(find(*plan, "d") != nullptr);
}

TEST_CASE("a path is found as a program would, through links of both kinds") {
    const auto plan = plan_of(
        {soft_link("bin", "usr/bin"), entry("etc", EntryType::directory),
         soft_link("etc/tool", "../bin/alias"), entry("usr", EntryType::directory),
         entry("usr/bin", EntryType::directory), soft_link("usr/bin/alias", "/usr/bin/real"),
         file("usr/bin/real", 3), hard_link("usr/bin/same", 7)});
    REQUIRE(plan);
    for (const char* path : {"/usr/bin/real", "/bin/real", "/bin/alias", "/etc/tool",
                             "/usr/bin/same", "//usr/./bin/../bin/real", "/../usr/bin/real"}) {
        CAPTURE(path);
        CHECK(path_of(*plan, path) == "usr/bin/real");
    }
    CHECK(plan->digest(*plan->find_file("/bin/same")).bytes[0] == std::byte(3));
}

TEST_CASE("a path that leads nowhere says how") {
    const auto plan = plan_of({entry("d", EntryType::directory), file("f", 1), soft_link("l", "l"),
                               soft_link("m", "missing")});
    REQUIRE(plan);
    CHECK(code_of(*plan, "/f") == 0);
    CHECK(code_of(*plan, "/g") == ENOENT);
    CHECK(code_of(*plan, "/m") == ENOENT);
    CHECK(code_of(*plan, "/d") == EISDIR);
    CHECK(code_of(*plan, "/") == EISDIR);
    CHECK(code_of(*plan, "/f/g") == ENOTDIR);
    CHECK(code_of(*plan, "/l") == ELOOP);
}
