#include "privileged/needs.h"
#include "privileged/testbed.h"

namespace shardrun::test {

const Needs kNeeds{.controllers = {"pids"}, .test_vm = false};

namespace {

ShardLimits pids_max(std::uint64_t value) {
    ShardLimits limits;
    limits.pids_max = value;
    return limits;
}

}  // namespace

TEST_CASE("a fork bomb stops at pids.max, is counted, and the shard can still be reclaimed") {
    const Testbed bed(Controllers::require);
    Client client = bed.connect();
    Program program(client, in_new_shard({bed.hog(), "fork"}, pids_max(20)));
    const std::string line = program.read_line();
    CHECK(line.ends_with("Resource temporarily unavailable"));
    const long children = std::stol(line);
    CHECK(children >= 10);
    CHECK(children < 20);
    CHECK(std::stol(cgroup_file(client, program.shard(), "pids.current")) <= 20);
    CHECK(cgroup_value(client, program.shard(), "pids.events", "max") >= 1);
    CHECK(measured(client, program.shard()).pids_refused.value_or(0) >= 1);
    must(client.release(program.shard()));
}

TEST_CASE("a fork bomb in a shell is stopped too, and another shard goes on") {
    const Testbed bed(Controllers::require);
    Client client = bed.connect();
    const Program bomb(
        client, in_new_shard({"sh", "-c", "b() { b | b & }; b; exec sleep 600"}, pids_max(30)));
    while (cgroup_value(client, bomb.shard(), "pids.events", "max") == 0) continue;
    CHECK(output_of(client, in_new_shard({"echo", "alive"}, pids_max(30))) == "alive\n");
    CHECK(std::stol(cgroup_file(client, bomb.shard(), "pids.current")) <= 30);
    must(client.release(bomb.shard()));
}

TEST_CASE("pids.max follows a resize while the shard lives") {
    const Testbed bed(Controllers::require);
    Client client = bed.connect();
    ShardOptions options;
    options.limits = pids_max(10);
    const ReceivedFrame assigned = must(client.new_shard(options));
    const ShardId shard = assigned.assignment()->shard;
    must(client.resize(shard, pids_max(40)));
    CHECK(cgroup_file(client, shard, "pids.max") == "40");
    Program program(client, in_shard(shard, {bed.hog(), "fork"}));
    CHECK(std::stol(program.read_line()) > 20);
}

}  // namespace shardrun::test
