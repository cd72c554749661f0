// Many at once, and at the worst moment.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "base/rng.h"
#include "privileged/gate_bed.h"
#include "privileged/needs.h"
#include "sys/detached_tmpfs.h"

namespace shardrun::test {

const Needs kNeeds{};

namespace {

using gate::FileState;

double now_s() {
    timespec now{};
    (void)::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// A program without libraries: exits with 0.
std::vector<std::byte> tiny_program() {
    // ELF header, one program header, then mov $60,%eax; xor %edi,%edi; syscall.
    static const unsigned char kImage[] = {
        0x7f, 'E',  'L',  'F', 2,  1,    1,    0,    0,    0, 0,    0, 0, 0, 0, 0,  //
        2,    0,    62,   0,   1,  0,    0,    0,    0x78, 0, 0x40, 0, 0, 0, 0, 0,  //
        64,   0,    0,    0,   0,  0,    0,    0,    0,    0, 0,    0, 0, 0, 0, 0,  //
        0,    0,    0,    0,   64, 0,    56,   0,    1,    0, 0,    0, 0, 0, 0, 0,  //
        1,    0,    0,    0,   5,  0,    0,    0,    0,    0, 0,    0, 0, 0, 0, 0,  //
        0,    0,    0x40, 0,   0,  0,    0,    0,    0,    0, 0x40, 0, 0, 0, 0, 0,  //
        0x81, 0,    0,    0,   0,  0,    0,    0,    0x81, 0, 0,    0, 0, 0, 0, 0,  //
        0,    0x10, 0,    0,   0,  0,    0,    0,                                   //
        0xb8, 60,   0,    0,   0,  0x31, 0xff, 0x0f, 0x05};
    const auto bytes = std::as_bytes(std::span(kImage));
    return {bytes.begin(), bytes.end()};
}

TEST_CASE("execve right after a demanded fill never fails with ETXTBSY") {
    constexpr std::uint32_t kPrograms = 2000;
    GateBed::Plan plan;
    for (std::uint32_t i = 0; i < kPrograms; ++i) {
        plan.fills[i].bytes = tiny_program();
        plan.entries.push_back(file(std::to_string(i), plan.fills[i].bytes.size(), 0755));
    }
    GateBed bed(std::move(plan));
    int failed = 0;
    for (std::uint32_t i = 0; i < kPrograms; ++i) {
        Child child([&] {
            char name[16];
            (void)std::snprintf(name, sizeof name, "%u", i);
            char* const argv[] = {name, nullptr};
            char* const envp[] = {nullptr};
            (void)::execveat(bed.root(), name, argv, envp, 0);
            return errno;
        });
        failed += child.wait() == 0 ? 0 : 1;
    }
    CHECK(failed == 0);
    CHECK(bed.fills_started() == kPrograms);
}

TEST_CASE("more opens at once than the owner has room for all wait, and none fails or passes") {
    constexpr std::uint32_t kFiles = 300;
    GateBed::Plan plan;
    for (std::uint32_t i = 0; i < kFiles; ++i) {
        plan.entries.push_back(file(std::to_string(i), 5000));
        plan.fills[i].is_held = true;
    }
    plan.gate.waiters_max = 40;
    plan.files_max = 80;
    GateBed bed(std::move(plan));
    std::vector<Child> children;
    for (std::uint32_t i = 0; i < kFiles; ++i)
        children.emplace_back(
            [&, i] { return read_and_compare(bed.root(), std::to_string(i), pattern(i, 5000)); });
    bed.await_waiting(20);
    for (std::uint32_t i = 0; i < kFiles; ++i) bed.release(i);
    for (Child& child : children) CHECK(child.wait() == 0);
    CHECK(bed.troubles() == 0);
}

TEST_CASE("files that are evicted while others open them are never read as zeros") {
    constexpr std::uint32_t kFiles = 8;
    constexpr std::size_t kSize = 70'000;
    GateBed::Plan plan;
    for (std::uint32_t i = 0; i < kFiles; ++i)
        plan.entries.push_back(file(std::to_string(i), kSize));
    GateBed bed(std::move(plan));
    const double end = now_s() + 5;
    std::vector<Child> children;
    for (int c = 0; c < 4; ++c) {
        children.emplace_back([&, c] {
            Rng rng(static_cast<std::uint64_t>(c) + 1);
            while (now_s() < end) {
                const auto id = static_cast<std::uint32_t>(rng.below(kFiles));
                const int status =
                    read_and_compare(bed.root(), std::to_string(id), pattern(id, kSize));
                if (status != 0) return status;
            }
            return 0;
        });
    }
    int evicted = 0;
    int in_use = 0;
    Rng rng(7);
    while (now_s() < end) {
        const auto id = static_cast<std::uint32_t>(rng.below(kFiles));
        const int code = bed.evict(id);
        CHECK((code == 0 || code == EBUSY || code == EAGAIN));
        evicted += code == 0 ? 1 : 0;
        in_use += code == EAGAIN ? 1 : 0;
    }
    for (Child& child : children) CHECK(child.wait() == 0);
    CHECK(bed.troubles() == 0);
    MESSAGE(evicted, " evictions, ", in_use, " refused as in use");
    CHECK(evicted > 100);
    CHECK(in_use > 0);
}

TEST_CASE(
    "what is open, mapped or running is not evicted; once it is closed it is, and filled again") {
    GateBed::Plan plan;
    plan.entries = {file("0", 5000)};
    GateBed bed(std::move(plan));
    int ready[2];
    REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
    {
        Child holder([&] {
            const int fd = ::openat(bed.root(), "0", O_RDONLY);
            (void)!::write(ready[1], "x", 1);
            (void)::pause();
            return fd;
        });
        char byte = 0;
        REQUIRE(::read(ready[0], &byte, 1) == 1);
        CHECK(bed.evict(0) == EAGAIN);
        CHECK(bed.state(0) == FileState::filled);
    }
    CHECK(bed.evict(0) == 0);
    CHECK(bed.evict(0) == EBUSY);
    struct stat status {};
    REQUIRE(::fstatat(bed.root(), "0", &status, 0) == 0);
    CHECK(status.st_blocks == 0);
    CHECK(status.st_mtim.tv_nsec == 123456789);
    CHECK(Child([&] { return read_and_compare(bed.root(), "0", pattern(0, 5000)); }).wait() == 0);
    CHECK(bed.fills_started() == 2);
}

TEST_CASE("a tree of ten thousand files has their metadata and costs no descriptor") {
    GateBed::Plan plan;
    for (int d = 0; d < 100; ++d) {
        plan.entries.push_back(directory(std::to_string(d)));
        for (int f = 0; f < 100; ++f) {
            gate::Entry entry = file(std::to_string(d) + "/" + std::to_string(f), 5000, 04750);
            entry.uid = 1000;
            entry.gid = 1001;
            plan.entries.push_back(entry);
        }
    }
    plan.files_max = 64;
    GateBed bed(std::move(plan));
    CHECK(bed.open_descriptors() < 20);
    struct stat status {};
    REQUIRE(::fstatat(bed.root(), "37/41", &status, 0) == 0);
    CHECK(status.st_size == 5000);
    CHECK(status.st_blocks == 0);
    CHECK(status.st_mode == (S_IFREG | 04750));
    CHECK(status.st_uid == 1000);
    CHECK(status.st_gid == 1001);
    CHECK(status.st_mtim.tv_sec == 1000000000);
    REQUIRE(::fstatat(bed.root(), "37", &status, 0) == 0);
    CHECK(status.st_mtim.tv_sec == 1000);

    const auto id = static_cast<std::uint32_t>(37 * 101 + 1 + 41);
    CHECK(Child([&] { return read_and_compare(bed.root(), "37/41", pattern(id, 5000)); }).wait() ==
          0);
    REQUIRE(::fstatat(bed.root(), "37/41", &status, 0) == 0);
    CHECK(status.st_mtim.tv_sec == 1000000000);
    const double before = now_s();
    for (int i = 0; i < 100; ++i) (void)bed.clone();
    MESSAGE("a view for one shard takes ", (now_s() - before) / 100 * 1e6, " us");
    CHECK(bed.troubles() == 0);
}

TEST_CASE("paths that leave the tree, lack their directory or come twice are refused") {
    const auto group = sys::FanotifyGroup::create(sys::FanotifyUse::permission);
    REQUIRE(group);
    const auto code_of = [&](std::vector<gate::Entry> entries) {
        const Anchor anchor;
        const auto tree =
            gate::Tree::build(std::make_shared<const std::vector<gate::Entry>>(std::move(entries)),
                              {1U << 20U, anchor.path()}, *group);
        return tree ? 0 : tree.error().code;
    };
    CHECK(code_of({file("a", 1)}) == 0);
    CHECK(code_of({file("../a", 1)}) == EXDEV);
    CHECK(code_of({file("/a", 1)}) == EINVAL);
    CHECK(code_of({file("", 1)}) == EINVAL);
    CHECK(code_of({file("..", 1)}) == EINVAL);
    CHECK(code_of({file("d/a", 1)}) == ENOENT);
    CHECK(code_of({file("a", 1), file("a", 1)}) == EEXIST);
    CHECK(code_of({symlink("l", "/etc"), file("l/a", 1)}) == ENOTDIR);
    CHECK(code_of({directory("d"), symlink("d/l", ".."), file("d/l/a", 1)}) == ENOTDIR);
    CHECK(code_of({directory("d"), hard_link("h", "d")}) == EINVAL);
    CHECK(code_of({hard_link("h", "../etc/passwd")}) == EXDEV);
}

}  // namespace
}  // namespace shardrun::test
