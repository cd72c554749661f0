#include "shard/cgroup_tree.h"

#include <doctest/doctest.h>
#include <errno.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/temp_dir.h"

namespace shardrun::shard {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHybrid =
    "24 29 0:21 / /sys rw,nosuid - sysfs sysfs rw\n"
    "30 24 0:25 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
    "31 30 0:26 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu\n"
    "41 30 0:36 / /sys/fs/cgroup/unified rw shared:11 - cgroup2 cgroup2 rw\n"
    "42 24 0:37 / /mnt/again rw - cgroup2 cgroup2 rw\n";

std::string read(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

/// A folder that looks like a cgroup; unlike one, it cannot be removed with its files.
void make_cgroup(const std::string& path, bool is_populated) {
    fs::create_directories(path);
    std::ofstream(path + "/cgroup.kill");
    std::ofstream(path + "/cgroup.freeze") << "1";
    std::ofstream(path + "/cgroup.events")
        << "populated " << (is_populated ? 1 : 0) << "\nfrozen 0\n";
}

sys::CgroupDir open(const std::string& path) {
    Result<sys::CgroupDir> cgroup = sys::CgroupDir::open(path);
    REQUIRE(cgroup.has_value());
    return *std::move(cgroup);
}

}  // namespace

TEST_CASE("find_cgroup_place finds the first cgroup2 mount, and not a cgroup v1 controller's") {
    const Result<CgroupPlace> place = find_cgroup_place(kHybrid, "4:cpu:/v1\n0::/user.slice/x\n");
    REQUIRE(place.has_value());
    CHECK(place->mount == "/sys/fs/cgroup/unified");
    CHECK(place->own == "/user.slice/x");
}

TEST_CASE("find_cgroup_place reads a pure v2 host and optional fields of any number") {
    const char* mounts = "35 24 0:30 / /sys/fs/cgroup rw shared:9 master:1 - cgroup2 cgroup2 rw\n";
    const Result<CgroupPlace> place = find_cgroup_place(mounts, "0::/\n");
    REQUIRE(place.has_value());
    CHECK(place->mount == "/sys/fs/cgroup");
    CHECK(place->own == "/");
}

TEST_CASE("find_cgroup_place without cgroup v2 says how to mount it") {
    for (const char* mounts : {"", "x\n", "31 30 0:26 / /cpu rw - cgroup cgroup rw,cpu\n",
                               "1 2 3 4 5 -\n", "24 29 0:21 / /cgroup2 rw - tmpfs cgroup2 rw\n"}) {
        const Result<CgroupPlace> place = find_cgroup_place(mounts, "0::/\n");
        REQUIRE(!place.has_value());
        CHECK(place.error().code == ENOENT);
        CHECK(place.error().message.find("mount -t cgroup2") != std::string::npos);
    }
}

TEST_CASE("a CgroupDir makes, opens, lists and removes children") {
    const test::TempDir folder;
    fs::create_directory(folder.path("root"));
    const sys::CgroupDir root = open(folder.path("root"));
    REQUIRE(root.make_child("one", true).has_value());
    CHECK(root.make_child("one", true).error().code == EEXIST);
    CHECK(root.make_child("one", false).has_value());
    std::ofstream(folder.path("root/file")) << "x";
    CHECK(root.children().value() == std::vector<std::string>{"one"});
    CHECK(root.children().value() == std::vector<std::string>{"one"});  // Not only the first time.
    CHECK(root.remove_child("one").has_value());
    CHECK(root.remove_child("one").has_value());  // Gone is what was wanted.
    CHECK(root.open_child("one").error().code == ENOENT);
}

TEST_CASE("a CgroupDir follows no link, neither to a child nor to an attribute") {
    const test::TempDir folder;
    fs::create_directory(folder.path("root"));
    fs::create_directory(folder.path("elsewhere"));
    std::ofstream(folder.path("elsewhere/victim")) << "before";
    fs::create_symlink(folder.path("elsewhere"), folder.path("root/child"));
    fs::create_symlink(folder.path("elsewhere/victim"), folder.path("root/pids.max"));
    const sys::CgroupDir root = open(folder.path("root"));
    CHECK(!root.open_child("child").has_value());
    CHECK(!root.write("pids.max", "after").has_value());
    CHECK(!root.read("pids.max").has_value());
    CHECK(read(folder.path("elsewhere/victim")) == "before");
}

TEST_CASE("a CgroupDir writes attributes that are there, and makes none") {
    const test::TempDir folder;
    fs::create_directory(folder.path("root"));
    std::ofstream(folder.path("root/pids.max"));
    const sys::CgroupDir root = open(folder.path("root"));
    CHECK(root.write("pids.max", "20").has_value());
    CHECK(root.read("pids.max").value() == "20");
    const Result<void> absent = root.write("io.max", "1");
    REQUIRE(!absent.has_value());
    CHECK(absent.error().code == ENOENT);
    CHECK(absent.error().message.find("io.max") != std::string::npos);
    CHECK(!fs::exists(folder.path("root/io.max")));
}

TEST_CASE("only one open CgroupDir holds the lock, and it ends with it") {
    const test::TempDir folder;
    fs::create_directory(folder.path("root"));
    const sys::CgroupDir second = open(folder.path("root"));
    {
        const sys::CgroupDir first = open(folder.path("root"));
        CHECK(first.try_lock().value());
        CHECK(!second.try_lock().value());
    }
    CHECK(second.try_lock().value());
}

TEST_CASE("reclaim_cgroup thaws and kills, and removes what is below") {
    const test::TempDir folder;
    make_cgroup(folder.path("root/instance-1"), false);
    fs::create_directories(folder.path("root/instance-1/slice-1/shard-1"));
    fs::create_directories(folder.path("root/instance-1/slice-2"));
    const Result<void> done = reclaim_cgroup(open(folder.path("root")), "instance-1", 0);
    CHECK(read(folder.path("root/instance-1/cgroup.kill")) == "1");
    CHECK(read(folder.path("root/instance-1/cgroup.freeze")) == "0");
    CHECK(!fs::exists(folder.path("root/instance-1/slice-1")));
    CHECK(!fs::exists(folder.path("root/instance-1/slice-2")));
    CHECK(!done.has_value());  // A real cgroup goes with its files; this folder cannot.
}

TEST_CASE("reclaim_cgroup gives up on what does not die, within its time") {
    const test::TempDir folder;
    make_cgroup(folder.path("root/instance-1"), true);
    const Result<void> done = reclaim_cgroup(open(folder.path("root")), "instance-1", 40);
    REQUIRE(!done.has_value());
    CHECK(done.error().message.find("instance-1") != std::string::npos);
}

TEST_CASE("reclaim_cgroup of what is gone says so") {
    const test::TempDir folder;
    fs::create_directory(folder.path("root"));
    CHECK(reclaim_cgroup(open(folder.path("root")), "absent", 0).error().code == ENOENT);
}

}  // namespace shardrun::shard
