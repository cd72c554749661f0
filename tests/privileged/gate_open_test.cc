// Whichever way a file is opened, the open waits for its bytes; what only looks at it never does.
#include <dirent.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "privileged/gate_bed.h"
#include "privileged/needs.h"
#include "support/temp_dir.h"
#include "sys/detached_tmpfs.h"

namespace shardrun::test {

const Needs kNeeds{};

namespace {

constexpr std::size_t kSize = 100'000;

GateBed::Plan one_held_file() {
    GateBed::Plan plan;
    plan.entries = {directory("d"), file("d/blob", kSize), hard_link("d/other", "d/blob"),
                    symlink("d/link", "blob")};
    plan.fills[1].is_held = true;
    return plan;
}

/// 0 when the descriptor reads what it should.
int compare(int fd) {
    const auto expected = pattern(1, kSize);
    std::vector<std::byte> bytes(kSize);
    return ::pread(fd, bytes.data(), kSize, 0) == kSize && bytes == expected ? 0 : 1;
}

// `work` waits while the file has no bytes, and sees all of them afterwards.
void check_waits(const std::function<int(int root)>& work) {
    GateBed bed(one_held_file());
    Child child([&] { return work(bed.root()); });
    bed.await_waiting(1);
    CHECK(child.is_running());
    bed.release(1);
    CHECK(child.wait() == 0);
    CHECK(bed.waiting_count() == 0);
    CHECK(bed.fills_started() == 1);
    CHECK(bed.troubles() == 0);
}

// `work` ends well while the file has no bytes.
void check_never_waits(const std::function<int(int root)>& work) {
    GateBed bed(one_held_file());
    Child child([&] { return work(bed.root()); });
    CHECK(child.wait() == 0);
    CHECK(bed.fills_started() == 0);
}

TEST_CASE("open waits, and reads only right bytes") {
    check_waits([](int root) { return compare(::openat(root, "d/blob", O_RDONLY)); });
}

TEST_CASE("an open through a symbolic link waits") {
    check_waits([](int root) { return compare(::openat(root, "d/link", O_RDONLY)); });
}

TEST_CASE("an open of a hard link waits for the bytes of its file") {
    check_waits([](int root) { return compare(::openat(root, "d/other", O_RDONLY)); });
}

TEST_CASE("openat2 with RESOLVE_CACHED waits or says that it cannot, and reads no zero") {
    check_waits([](int root) {
        open_how how{};
        how.resolve = RESOLVE_CACHED;
        struct stat status {};
        (void)::fstatat(root, "d/blob", &status, 0);  // Now it is cached.
        return compare(static_cast<int>(::syscall(SYS_openat2, root, "d/blob", &how, sizeof how)));
    });
}

TEST_CASE("mmap finds right bytes behind an open that waited") {
    check_waits([](int root) {
        const int fd = ::openat(root, "d/blob", O_RDONLY);
        const auto expected = pattern(1, kSize);
        const void* bytes = ::mmap(nullptr, kSize, PROT_READ, MAP_PRIVATE, fd, 0);
        return bytes != MAP_FAILED && std::memcmp(bytes, expected.data(), kSize) == 0 ? 0 : 1;
    });
}

TEST_CASE("an open of an O_PATH descriptor through /proc waits") {
    check_waits([](int root) {
        const int path = ::openat(root, "d/blob", O_PATH);
        return compare(::open(("/proc/self/fd/" + std::to_string(path)).c_str(), O_RDONLY));
    });
}

TEST_CASE("open_by_handle_at waits") {
    check_waits([](int root) {
        alignas(file_handle) std::array<std::byte, sizeof(file_handle) + MAX_HANDLE_SZ> room{};
        auto* const handle = reinterpret_cast<file_handle*>(room.data());
        handle->handle_bytes = MAX_HANDLE_SZ;
        int mount_id = 0;
        if (::name_to_handle_at(root, "d/blob", handle, &mount_id, 0) != 0) return 2;
        const int mount = ::openat(root, ".", O_RDONLY | O_DIRECTORY);
        return compare(::open_by_handle_at(mount, handle, O_RDONLY));
    });
}

/// Submits one openat to a ring made by hand and gives the descriptor.
int open_by_ring(int root, const char* path) {
    io_uring_params params{};
    const int ring = static_cast<int>(::syscall(SYS_io_uring_setup, 2, &params));
    if (ring < 0) return -1;
    const std::size_t size =
        std::max(params.sq_off.array + params.sq_entries * sizeof(std::uint32_t),
                 params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe));
    auto* const shared = static_cast<char*>(
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, 0));
    auto* const sqe = static_cast<io_uring_sqe*>(
        ::mmap(nullptr, params.sq_entries * sizeof(io_uring_sqe), PROT_READ | PROT_WRITE,
               MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES));
    sqe->opcode = IORING_OP_OPENAT;
    sqe->fd = root;
    sqe->addr = reinterpret_cast<std::uint64_t>(path);
    sqe->open_flags = O_RDONLY;
    reinterpret_cast<std::uint32_t*>(shared + params.sq_off.array)[0] = 0;
    ++*reinterpret_cast<std::uint32_t*>(shared + params.sq_off.tail);
    (void)::syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0);
    return reinterpret_cast<io_uring_cqe*>(shared + params.cq_off.cqes)->res;
}

TEST_CASE("an open by io_uring waits") {
    check_waits([](int root) { return compare(open_by_ring(root, "d/blob")); });
}

TEST_CASE("a clone in another mount namespace is gated as well") {
    GateBed bed(one_held_file());
    const TempDir folder;
    const sys::UniqueFd further = bed.clone();
    Child child([&] {
        if (::unshare(CLONE_NEWNS) != 0) return 2;
        (void)::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
        if (!sys::attach_mount(further.get(), folder.path(""))) return 3;
        // And so is a bind mount of a part of that.
        if (::mount(folder.path("d").c_str(), "/mnt", nullptr, MS_BIND, nullptr) != 0) return 4;
        return compare(::open("/mnt/blob", O_RDONLY));
    });
    bed.await_waiting(1);
    CHECK(child.is_running());
    bed.release(1);
    CHECK(child.wait() == 0);
}

TEST_CASE("a clone cannot be written, whoever tries") {
    check_never_waits([](int root) {
        const bool is_refused = ::openat(root, "d/new", O_CREAT | O_WRONLY, 0644) < 0 &&
                                errno == EROFS && ::openat(root, "d/blob", O_WRONLY) < 0 &&
                                errno == EROFS && ::unlinkat(root, "d/blob", 0) != 0 &&
                                errno == EROFS;
        return is_refused ? 0 : 1;
    });
}

TEST_CASE("O_PATH, stat, readlink, access and reading directories never wait") {
    check_never_waits([](int root) {
        struct stat status {};
        char text[16]{};
        if (::fstatat(root, "d/blob", &status, 0) != 0 || status.st_size != kSize) return 1;
        if (::faccessat(root, "d/blob", R_OK, 0) != 0) return 2;
        if (::readlinkat(root, "d/link", text, sizeof text) != 4) return 3;
        if (::openat(root, "d/blob", O_PATH) < 0) return 4;
        DIR* const names = ::fdopendir(::openat(root, "d", O_RDONLY | O_DIRECTORY));
        int count = 0;
        while (names != nullptr && ::readdir(names) != nullptr) ++count;
        return count == 5 ? 0 : 5;
    });
}

TEST_CASE("after the fill an open costs no event, and reads the same") {
    GateBed bed(one_held_file());
    bed.release(1);  // Nothing is under way; the next fill is not held.
    for (int i = 0; i < 3; ++i) {
        Child child([&] { return read_and_compare(bed.root(), "d/blob", pattern(1, kSize)); });
        CHECK(child.wait() == 0);
    }
    CHECK(bed.fills_started() == 1);
    CHECK(bed.found(gate::Found::missed) == 1);
    CHECK(bed.found(gate::Found::ready) == 0);
}

TEST_CASE("a prefetched file does not wait, and its first open is learned, once") {
    GateBed::Plan plan = one_held_file();
    plan.fills.clear();
    GateBed bed(std::move(plan));
    bed.prefetch(1);
    CHECK(bed.state(1) == gate::FileState::filled);
    for (int i = 0; i < 3; ++i)
        CHECK(Child([&] {
                  return read_and_compare(bed.root(), "d/other", pattern(1, kSize));
              }).wait() == 0);
    CHECK(bed.found(gate::Found::ready) == 1);
    CHECK(bed.found(gate::Found::missed) == 0);
}

std::vector<std::byte> bytes_of_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    const std::vector<char> text{std::istreambuf_iterator<char>(in), {}};
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

// What /usr/bin/true and a script for it need, none of it filled.
GateBed::Plan programs() {
    GateBed::Plan plan;
    const auto add = [&](const std::string& path, std::vector<std::byte> bytes) {
        plan.fills[static_cast<std::uint32_t>(plan.entries.size())].bytes = bytes;
        plan.entries.push_back(file(path, bytes.size(), 0755));
    };
    plan.entries = {directory("bin"), directory("lib"), directory("lib64"),
                    directory("lib/x86_64-linux-gnu")};
    add("bin/true", bytes_of_file("/bin/true"));
    add("lib64/ld-linux-x86-64.so.2", bytes_of_file("/lib64/ld-linux-x86-64.so.2"));
    add("lib/x86_64-linux-gnu/libc.so.6", bytes_of_file("/lib/x86_64-linux-gnu/libc.so.6"));
    add("bin/sh", bytes_of_file("/bin/sh"));
    const std::string script = "#!/bin/sh\nexec /bin/true\n";
    const auto bytes = std::as_bytes(std::span(script));
    add("bin/script", {bytes.begin(), bytes.end()});
    return plan;
}

TEST_CASE("execve, its ELF interpreter, shared libraries and scripts wait for what they need") {
    GateBed bed(programs());
    const TempDir folder;
    const sys::UniqueFd tree = bed.clone();
    Child child([&] {
        if (::unshare(CLONE_NEWNS) != 0) return 2;
        (void)::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
        if (!sys::attach_mount(tree.get(), folder.path(""))) return 3;
        if (::chroot(folder.path("").c_str()) != 0 || ::chdir("/") != 0) return 4;
        ::execl("/bin/script", "script", nullptr);
        return 100 + errno % 100;
    });
    CHECK(child.wait() == 0);
    CHECK(bed.fills_started() == 5);
    CHECK(bed.found(gate::Found::missed) == 5);
    CHECK(bed.troubles() == 0);
}

}  // namespace
}  // namespace shardrun::test
