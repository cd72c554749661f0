// What fails, and whoever dies: nobody reads a zero or an unverified byte, and nobody waits for
// ever.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "privileged/gate_bed.h"
#include "privileged/needs.h"

namespace shardrun::test {

const Needs kNeeds{};

namespace {

using gate::FileState;
using gate::FillVerdict;

constexpr std::size_t kSize = 100'000;

GateBed::Plan files(int count, std::size_t size = kSize) {
    GateBed::Plan plan;
    for (int i = 0; i < count; ++i) plan.entries.push_back(file(std::to_string(i), size));
    return plan;
}

Child reader(const GateBed& bed, std::uint32_t id, std::size_t size = kSize) {
    return Child([&bed, id, size] {
        return read_and_compare(bed.root(), std::to_string(id), pattern(id, size));
    });
}

// A denial: EPERM, or the reason where the kernel can say it.
bool is_denied(int status, int code) {
    return status == 100 + EPERM || status == 100 + code;
}

std::uint64_t blocks(const GateBed& bed, std::uint32_t id) {
    struct stat status {};
    REQUIRE(::fstatat(bed.root(), std::to_string(id).c_str(), &status, 0) == 0);
    return static_cast<std::uint64_t>(status.st_blocks);
}

TEST_CASE("bad content denies the open that waited and all later ones, and is not there any more") {
    GateBed::Plan plan = files(2);
    plan.fills[0] = {.bytes = {}, .verdict = FillVerdict::bad_content, .code = EBADMSG};
    GateBed bed(std::move(plan));
    CHECK(is_denied(reader(bed, 0).wait(), EIO));
    CHECK(bed.state(0) == FileState::bad);
    CHECK(blocks(bed, 0) == 0);
    CHECK(is_denied(reader(bed, 0).wait(), EIO));
    CHECK(bed.fills_started() == 1);
    CHECK(reader(bed, 1).wait() == 0);
    CHECK(bed.troubles() == 0);
}

TEST_CASE("bad content of a prefetch denies the first open") {
    GateBed::Plan plan = files(1);
    plan.fills[0] = {.bytes = {}, .verdict = FillVerdict::bad_content, .code = EBADMSG};
    GateBed bed(std::move(plan));
    bed.prefetch(0);
    CHECK(is_denied(reader(bed, 0).wait(), EIO));
}

TEST_CASE("a failed fill denies with its reason, leaves nothing, and the next open tries again") {
    GateBed::Plan plan = files(1);
    plan.fills[0] = {
        .bytes = {}, .verdict = FillVerdict::failed, .code = EIO, .writes_partially = true};
    GateBed bed(std::move(plan));
    CHECK(is_denied(reader(bed, 0).wait(), EIO));
    CHECK(blocks(bed, 0) == 0);
    CHECK(bed.state(0) == FileState::unfilled);
    CHECK(is_denied(reader(bed, 0).wait(), EIO));
    CHECK(bed.fills_started() == 2);
}

TEST_CASE(
    "a full tree denies with ENOSPC, serves what is there, and takes the file once there is room") {
    GateBed::Plan plan = files(2, std::size_t{8} << 20U);
    plan.tree.size_max_bytes = std::uint64_t{12} << 20U;
    GateBed bed(std::move(plan));
    CHECK(reader(bed, 0, std::size_t{8} << 20U).wait() == 0);
    CHECK(is_denied(reader(bed, 1, std::size_t{8} << 20U).wait(), ENOSPC));
    CHECK(reader(bed, 0, std::size_t{8} << 20U).wait() == 0);
    CHECK(bed.evict(0) == 0);
    CHECK(reader(bed, 1, std::size_t{8} << 20U).wait() == 0);
}

TEST_CASE(
    "an opener that is killed while it waits is gone at once, and the fill goes on for others") {
    GateBed::Plan plan = files(1);
    plan.fills[0].is_held = true;
    GateBed bed(std::move(plan));
    Child first = reader(bed, 0);
    Child second = reader(bed, 0);
    bed.await_waiting(2);
    first.kill();
    CHECK(second.is_running());
    bed.release(0);
    CHECK(second.wait() == 0);
    CHECK(bed.waiting_count() == 0);
    CHECK(bed.troubles() == 0);
}

TEST_CASE("many processes that wait for the same file all go on") {
    GateBed::Plan plan = files(1);
    plan.fills[0].is_held = true;
    GateBed bed(std::move(plan));
    std::vector<Child> children;
    for (int i = 0; i < 50; ++i) children.push_back(reader(bed, 0));
    bed.await_waiting(50);
    bed.release(0);
    for (Child& child : children) CHECK(child.wait() == 0);
    CHECK(bed.fills_started() == 1);
}

TEST_CASE("a filler that is lost is asked again, and who waited is answered") {
    GateBed::Plan plan = files(1);
    plan.fills[0].is_held = true;
    GateBed bed(std::move(plan));
    Child child = reader(bed, 0);
    bed.await_waiting(1);
    bed.lose_filler();
    CHECK(child.is_running());
    bed.release(0);
    CHECK(child.wait() == 0);
    CHECK(bed.fills_started() == 2);
}

TEST_CASE("while the owner is dead nobody reads anything; the next owner answers who waited") {
    GateBed::Plan plan = files(4);
    plan.fills[0].is_held = true;
    plan.fills[1].is_held = true;
    GateBed bed(std::move(plan));
    bed.prefetch(2);
    Child known = reader(bed, 0);
    Child other = reader(bed, 1);
    bed.await_waiting(2);
    bed.kill_owner();
    Child late = reader(bed, 3);
    // Filled before: needs no owner.
    CHECK(reader(bed, 2).wait() == 0);
    CHECK(known.is_running());
    CHECK(late.is_running());

    bed.start_owner_again();
    CHECK(bed.state(2) == FileState::filled);
    bed.release(0);
    bed.release(1);
    CHECK(known.wait() == 0);
    CHECK(other.wait() == 0);
    CHECK(late.wait() == 0);
    CHECK(bed.waiting_count() == 0);
    CHECK(bed.troubles() == 0);
}

TEST_CASE("an owner that takes over a fill that was half done does it again") {
    GateBed::Plan plan = files(1);
    plan.fills[0] = {.bytes = {}, .is_held = true};
    GateBed bed(std::move(plan));
    // What a dead filler left behind.
    {
        const sys::UniqueFd left(::openat(bed.own_mount(), "0", O_WRONLY | O_CLOEXEC));
        const std::vector<std::byte> junk(kSize, std::byte{'x'});
        REQUIRE(::write(left.get(), junk.data(), junk.size()) == kSize);
    }
    Child child = reader(bed, 0);
    bed.await_waiting(1);
    bed.kill_owner();
    bed.start_owner_again();
    CHECK(child.is_running());
    bed.release(0);
    CHECK(child.wait() == 0);
}

TEST_CASE("a new owner fills nothing that a filler of the old one may still write") {
    GateBed::Plan plan = files(1);
    GateBed bed(std::move(plan));
    bed.kill_owner();
    sys::UniqueFd still_open(::openat(bed.own_mount(), "0", O_WRONLY | O_CLOEXEC));
    Child child = reader(bed, 0);
    // It inherited the descriptor of the writer, hence forked before; the owner inherits it, too.
    bed.start_owner_again();
    bed.await_waiting(1);
    CHECK(bed.fills_started() == 0);
    CHECK(child.is_running());
    child.kill();
}

TEST_CASE("an owner that is killed again and again loses no opener") {
    GateBed::Plan plan = files(20);
    for (std::uint32_t i = 0; i < 20; ++i) plan.fills[i].is_held = true;
    GateBed bed(std::move(plan));
    std::vector<Child> children;
    for (std::uint32_t i = 0; i < 20; ++i) children.push_back(reader(bed, i));
    for (int round = 0; round < 5; ++round) {
        bed.await_waiting(static_cast<std::uint32_t>(children.size()));
        bed.kill_owner();
        bed.start_owner_again();
    }
    bed.await_waiting(20);
    for (std::uint32_t i = 0; i < 20; ++i) bed.release(i);
    for (Child& child : children) CHECK(child.wait() == 0);
}

}  // namespace
}  // namespace shardrun::test
