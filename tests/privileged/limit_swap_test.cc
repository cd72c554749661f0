#include <fcntl.h>
#include <sys/swap.h>
#include <unistd.h>

#include <cstdlib>

#include "privileged/needs.h"
#include "privileged/testbed.h"

namespace shardrun::test {

const Needs kNeeds{.controllers = {"memory"}, .test_vm = true};

namespace {

constexpr std::uint64_t kMiB = 1U << 20U;
constexpr const char* kSwapFile = "/mnt/scratch/swap";

/// The guest's only swap, for the length of a test case.
class Swap {
 public:
    Swap() {
        const int made = std::system(
            "dd if=/dev/zero of=/mnt/scratch/swap bs=1M count=128 status=none && chmod 600 "
            "/mnt/scratch/swap && mkswap /mnt/scratch/swap > /dev/null");
        REQUIRE(made == 0);
        REQUIRE(::swapon(kSwapFile, 0) == 0);
    }
    ~Swap() {
        CHECK(::swapoff(kSwapFile) == 0);
        CHECK(::unlink(kSwapFile) == 0);
    }
    Swap(const Swap&) = delete;
    Swap& operator=(const Swap&) = delete;
};

ShardLimits memory_and_swap(std::uint64_t memory_mib, std::uint64_t swap_mib) {
    ShardLimits limits;
    limits.memory_max_bytes = memory_mib * kMiB;
    limits.memory_swap_max_bytes = swap_mib * kMiB;
    return limits;
}

}  // namespace

TEST_CASE("without memory.swap.max a hog could flee into swap; with 0 it is killed") {
    const Swap swap;
    const Testbed bed(Controllers::require);
    Client client = bed.connect();
    Program fled(client, in_new_shard({bed.hog(), "memory", "80"}, memory_and_swap(48, 96)));
    CHECK(fled.read_line() == "80 touched");
    const std::string used = cgroup_file(client, fled.shard(), "memory.swap.current");
    CHECK(std::stoull(used) >= 16 * kMiB);
    CHECK(std::stoull(used) <= 96 * kMiB);
    Program killed(client, in_new_shard({bed.hog(), "memory", "80"}, memory_and_swap(48, 0)));
    CHECK(killed.read_all().empty());
    const End end = killed.wait();
    REQUIRE_MESSAGE(end.exit.has_value(), end.reason);
    CHECK(end.exit->out_of_memory);
}

TEST_CASE("memory.swap.max bounds what a hog may swap") {
    const Swap swap;
    const Testbed bed(Controllers::require);
    Client client = bed.connect();
    Program program(client, in_new_shard({bed.hog(), "memory", "120"}, memory_and_swap(48, 16)));
    CHECK(program.read_all().empty());
    const End end = program.wait();
    REQUIRE_MESSAGE(end.exit.has_value(), end.reason);
    CHECK(end.exit->out_of_memory);
}

}  // namespace shardrun::test
