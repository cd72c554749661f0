#include "shard/skeleton_plan.h"

#include <doctest/doctest.h>
#include <errno.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include "shard/zygote/protocol.h"

namespace shardrun::shard {
namespace {

using zygote::PlanKind;

struct Entry {
    PlanKind kind{};
    std::string path;
    std::string argument;
    unsigned mode = 0;
    unsigned major = 0;
    unsigned minor = 0;
};

/// As the zygote walks it; see PlanWalk.
std::vector<Entry> entries_of(const std::vector<std::byte>& plan) {
    std::vector<Entry> entries;
    std::size_t at = 0;
    while (at < plan.size()) {
        zygote::PlanEntry head;
        REQUIRE(at + sizeof(head) <= plan.size());
        std::memcpy(&head, plan.data() + at, sizeof(head));
        const char* text = reinterpret_cast<const char*>(plan.data()) + at + sizeof(head);
        const std::size_t size = sizeof(head) + head.path_size + head.argument_size;
        REQUIRE(at + size <= plan.size());
        REQUIRE(text[head.path_size - 1] == '\0');
        Entry entry{head.kind, text, "", head.mode, head.major, head.minor};
        if (head.argument_size > 0) entry.argument = text + head.path_size;
        entries.push_back(entry);
        at += (size + 7U) & ~std::size_t{7};
    }
    return entries;
}

struct FakeHost {
    std::map<std::string, HostEntry> entries{
        {"/usr", {HostEntry::Kind::directory, "", ""}},
        {"/bin", {HostEntry::Kind::symlink, "usr/bin", ""}},
        {"/lib", {HostEntry::Kind::directory, "", ""}},
        {"/opt/tool", {HostEntry::Kind::file, "", ""}},
        {"/etc/localtime", {HostEntry::Kind::symlink, "/usr/share/zoneinfo/UTC", ""}},
        {"/etc/services", {HostEntry::Kind::file, "", ""}},
        {"/etc/shadow", {HostEntry::Kind::file, "", "secret"}},
        {"/etc/passwd", {HostEntry::Kind::file, "", "secret"}},
        {"/proc/kcore", {HostEntry::Kind::file, "", ""}},
        {"/proc/modules", {HostEntry::Kind::file, "", ""}},
        {"/proc/sys", {HostEntry::Kind::directory, "", ""}},
        {"/sys/devices/system/cpu/online", {HostEntry::Kind::file, "", "0-1\n"}}};

    HostLookup lookup() const {
        return [this](const std::string& path, WantContent) {
            const auto at = entries.find(path);
            return at == entries.end() ? HostEntry{} : at->second;
        };
    }
    std::vector<Entry> plan(const std::vector<std::string>& paths) const {
        Result<std::vector<std::byte>> plan = plan_skeleton(paths, lookup());
        REQUIRE(plan.has_value());
        return entries_of(*plan);
    }
    Error refusal(const std::string& path) const {
        Result<std::vector<std::byte>> plan = plan_skeleton({path}, lookup());
        REQUIRE(!plan.has_value());
        return plan.error();
    }
};

const Entry* find(const std::vector<Entry>& entries, const std::string& path,
                  std::optional<PlanKind> kind = {}) {
    const auto at = std::ranges::find_if(entries, [&](const Entry& entry) {
        return entry.path == path && (!kind || entry.kind == *kind);
    });
    return at == entries.end() ? nullptr : &*at;
}

}  // namespace

TEST_CASE("plan_skeleton binds a listed folder and file, and copies a link as it is") {
    const FakeHost host;
    const std::vector<Entry> plan = host.plan({"/usr", "/opt/tool", "/bin"});
    REQUIRE(find(plan, "usr", PlanKind::bind) != nullptr);
    CHECK(find(plan, "usr", PlanKind::bind)->argument == "/usr");
    CHECK(find(plan, "opt/tool", PlanKind::bind) != nullptr);
    CHECK(find(plan, "opt/tool", PlanKind::file) != nullptr);
    REQUIRE(find(plan, "bin") != nullptr);
    CHECK(find(plan, "bin")->kind == PlanKind::symlink);
    CHECK(find(plan, "bin")->argument == "usr/bin");
}

TEST_CASE("plan_skeleton shows /lib as the host has it: a folder as a folder") {
    const std::vector<Entry> plan = FakeHost{}.plan({"/usr"});
    CHECK(find(plan, "lib", PlanKind::bind) != nullptr);
    CHECK(find(plan, "sbin") == nullptr);
}

TEST_CASE("plan_skeleton makes every parent before its children, and each path once") {
    const std::vector<Entry> plan = FakeHost{}.plan({"/usr", "/opt/tool"});
    std::set<std::string> made{""};
    for (const Entry& entry : plan) {
        if (entry.kind == PlanKind::bind || entry.kind == PlanKind::mask_file ||
            entry.kind == PlanKind::mask_directory || entry.kind == PlanKind::read_only)
            continue;
        const std::size_t slash = entry.path.rfind('/');
        CHECK_MESSAGE(made.contains(slash == std::string::npos ? "" : entry.path.substr(0, slash)),
                      entry.path);
        CHECK_MESSAGE(made.insert(entry.path).second, entry.path);
    }
}

TEST_CASE("plan_skeleton names every path relative to the root that is made") {
    for (const Entry& entry : FakeHost{}.plan({"/usr", "/opt/tool"})) {
        const bool is_cover = entry.kind == PlanKind::mask_file ||
                              entry.kind == PlanKind::mask_directory ||
                              entry.kind == PlanKind::read_only;
        CHECK_MESSAGE(entry.path.starts_with('/') == is_cover, entry.path);
        if (is_cover) CHECK_MESSAGE(entry.path.starts_with("/proc/"), entry.path);
    }
}

TEST_CASE("plan_skeleton takes nothing of /etc that names people or secrets") {
    const std::vector<Entry> plan = FakeHost{}.plan({"/usr"});
    CHECK(find(plan, "etc/shadow") == nullptr);
    CHECK(find(plan, "etc/services", PlanKind::copy) != nullptr);
    REQUIRE(find(plan, "etc/passwd") != nullptr);
    CHECK(find(plan, "etc/passwd")->kind == PlanKind::symlink);
    for (const Entry& entry : plan)
        CHECK_MESSAGE(entry.argument.find("secret") == std::string::npos, entry.path);
}

TEST_CASE("plan_skeleton makes six devices and no other") {
    std::map<std::string, std::pair<unsigned, unsigned>> nodes;
    for (const Entry& entry : FakeHost{}.plan({"/usr"}))
        if (entry.kind == PlanKind::node) nodes[entry.path] = {entry.major, entry.minor};
    CHECK(nodes == std::map<std::string, std::pair<unsigned, unsigned>>{{"dev/null", {1, 3}},
                                                                        {"dev/zero", {1, 5}},
                                                                        {"dev/full", {1, 7}},
                                                                        {"dev/random", {1, 8}},
                                                                        {"dev/urandom", {1, 9}},
                                                                        {"dev/tty", {5, 0}}});
}

TEST_CASE("plan_skeleton covers what of /proc the host has, some of it only with capabilities") {
    const std::vector<Entry> plan = FakeHost{}.plan({"/usr"});
    REQUIRE(find(plan, "/proc/kcore") != nullptr);
    CHECK(find(plan, "/proc/kcore")->kind == PlanKind::mask_file);
    CHECK(find(plan, "/proc/kcore")->mode == 0);
    REQUIRE(find(plan, "/proc/modules") != nullptr);
    CHECK(find(plan, "/proc/modules")->mode == 1);
    REQUIRE(find(plan, "/proc/sys") != nullptr);
    CHECK(find(plan, "/proc/sys")->kind == PlanKind::read_only);
    CHECK(find(plan, "/proc/keys") == nullptr);
}

TEST_CASE("plan_skeleton shows of /sys how many processors there are, and nothing else") {
    unsigned files = 0;
    for (const Entry& entry : FakeHost{}.plan({"/usr"}))
        if (entry.path.starts_with("sys/") && entry.kind == PlanKind::file) {
            CHECK(entry.path == "sys/devices/system/cpu/online");
            CHECK(entry.argument == "0-1\n");
            ++files;
        }
    CHECK(files == 1);
}

TEST_CASE("plan_skeleton refuses a path that is relative or means another than it says") {
    const FakeHost host;
    for (const char* path : {"", "/", "usr", "./usr", "/usr/", "/../etc", "/usr/../etc", "/usr/..",
                             "//dev", "/usr//lib", "/./proc", "/usr/."}) {
        const Error error = host.refusal(path);
        CHECK_MESSAGE(error.code == EINVAL, path);
        CHECK_MESSAGE(error.message.find("shard.read_only_paths: '" + std::string(path) + "'") !=
                          std::string::npos,
                      error.message);
    }
    CHECK(host.refusal(std::string("/usr\0/x", 7)).code == EINVAL);
}

TEST_CASE("plan_skeleton refuses the shard's own places, and not their namesakes") {
    FakeHost host;
    for (const char* path : {"/dev", "/dev/sda", "/proc", "/sys/kernel", "/tmp", "/tmp/x",
                             "/run/docker.sock", "/blobs", "/var/tmp/x", "/var/run", "/var/lock"})
        CHECK_MESSAGE(host.refusal(path).code == EINVAL, path);
    host.entries["/development"] = {HostEntry::Kind::directory, "", ""};
    CHECK(find(host.plan({"/development"}), "development", PlanKind::bind) != nullptr);
}

TEST_CASE("plan_skeleton refuses a path that is not there, and says what to do") {
    const Error error = FakeHost{}.refusal("/absent");
    CHECK(error.code == ENOENT);
    CHECK(error.message.find("/absent") != std::string::npos);
    CHECK(error.message.find("remove it from the list or create it") != std::string::npos);
}

TEST_CASE("plan_skeleton refuses more than the zygote can hold") {
    FakeHost host;
    std::vector<std::string> paths;
    for (int i = 0; i < 1000; ++i) {
        paths.push_back("/" + std::string(60, 'x') + std::to_string(i));
        host.entries[paths.back()] = {HostEntry::Kind::directory, "", ""};
    }
    const Result<std::vector<std::byte>> plan = plan_skeleton(paths, host.lookup());
    REQUIRE(!plan.has_value());
    CHECK(plan.error().code == E2BIG);
}

}  // namespace shardrun::shard
