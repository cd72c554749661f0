#include <csignal>

#include "privileged/needs.h"
#include "privileged/testbed.h"

namespace shardrun::test {

const Needs kNeeds{.controllers = {"memory"}, .test_vm = false};

namespace {

constexpr std::uint64_t kMiB = 1U << 20U;

ShardLimits memory_max(std::uint64_t size_mib) {
    ShardLimits limits;
    limits.memory_max_bytes = size_mib * kMiB;
    limits.memory_swap_max_bytes = 0;
    return limits;
}

}  // namespace

TEST_CASE("a hog beyond memory.max is killed, and its end says why") {
    const Testbed bed(Controllers::require);
    Client client = bed.connect();
    Program program(client, in_new_shard({bed.hog(), "memory", "256"}, memory_max(64)));
    CHECK(program.read_all().empty());
    const End end = program.wait();
    REQUIRE_MESSAGE(end.exit.has_value(), end.reason);
    CHECK(end.exit->signal_number == SIGKILL);
    CHECK(end.exit->out_of_memory);
}

TEST_CASE("a hog within memory.max goes on") {
    const Testbed bed(Controllers::require);
    Client client = bed.connect();
    Program program(client, in_new_shard({bed.hog(), "memory", "32"}, memory_max(64)));
    CHECK(program.read_line() == "32 touched");
    CHECK(cgroup_value(client, program.shard(), "memory.stat", "anon") >= 32 * kMiB);
}

TEST_CASE("memory.max kills the shard as a group: a harmless program in it ends too") {
    const Testbed bed(Controllers::require);
    Client client = bed.connect();
    ShardOptions options;
    options.limits = memory_max(64);
    const ReceivedFrame assigned = must(client.new_shard(options));
    const ShardId shard = assigned.assignment()->shard;
    Program harmless(client, in_shard(shard, {bed.hog(), "memory", "1"}));
    REQUIRE(harmless.read_line() == "1 touched");
    CHECK(cgroup_file(client, shard, "memory.oom.group") == "1");
    const Program culprit(client, in_shard(shard, {bed.hog(), "memory", "256"}));
    CHECK(harmless.read_all().empty());
    const End end = harmless.wait();
    CHECK((!end.exit || end.exit->out_of_memory));
}

TEST_CASE("another shard lives on when one is out of memory") {
    const Testbed bed(Controllers::require);
    Client client = bed.connect();
    Program harmless(client, in_new_shard({bed.hog(), "memory", "1"}, memory_max(64)));
    REQUIRE(harmless.read_line() == "1 touched");
    Program culprit(client, in_new_shard({bed.hog(), "memory", "256"}, memory_max(64)));
    CHECK(culprit.read_all().empty());
    (void)culprit.wait();
    CHECK(listed(client, harmless.shard()).state == ShardState::active);
}

TEST_CASE("files in the shard's tmpfs count as its memory") {
    const Testbed bed(Controllers::require);
    Client client = bed.connect();
    ShardLimits limits = memory_max(32);
    limits.tmpfs_size_max_bytes = 128 * kMiB;
    Program program(client, in_new_shard({bed.hog(), "fill", "/tmp/file"}, limits));
    CHECK(program.read_all().empty());
    const End end = program.wait();
    REQUIRE_MESSAGE(end.exit.has_value(), end.reason);
    CHECK(end.exit->out_of_memory);
}

TEST_CASE("memory.high slows a hog down and counts it") {
    const Testbed bed(Controllers::require);
    Client client = bed.connect();
    ShardLimits limits = memory_max(256);
    limits.memory_high_bytes = 32 * kMiB;
    const Program program(client, in_new_shard({bed.hog(), "memory", "128"}, limits));
    while (cgroup_value(client, program.shard(), "memory.events", "high") == 0) continue;
    CHECK(cgroup_value(client, program.shard(), "memory.events", "max") == 0);
    CHECK(cgroup_value(client, program.shard(), "memory.events", "oom_kill") == 0);
}

TEST_CASE("memory.max follows a resize while the program runs") {
    const Testbed bed(Controllers::require);
    Client client = bed.connect();
    Program program(client, in_new_shard({bed.hog(), "memory", "64"}, memory_max(256)));
    REQUIRE(program.read_line() == "64 touched");
    must(client.resize(program.shard(), memory_max(300)));
    CHECK(cgroup_file(client, program.shard(), "memory.max") == "314572800");
    must(client.resize(program.shard(), memory_max(16)));
    CHECK(program.read_all().empty());
    const End end = program.wait();
    REQUIRE_MESSAGE(end.exit.has_value(), end.reason);
    CHECK(end.exit->out_of_memory);
}

}  // namespace shardrun::test
