#include "privileged/needs.h"
#include "privileged/testbed.h"

namespace shardrun::test {

const Needs kNeeds{.controllers = {"cpu", "cpuset"}, .test_vm = false};

namespace {

using namespace std::chrono_literals;

ShardLimits millicores(std::uint32_t value) {
    ShardLimits limits;
    limits.cpu_max_millicores = value;
    return limits;
}

ShardLimits on_first_core(std::uint32_t weight) {
    ShardLimits limits;
    limits.cpuset_cpus = "0";
    limits.cpu_weight = weight;
    return limits;
}

}  // namespace

TEST_CASE("a hog with two threads gets the half core of cpu.max and is counted as throttled") {
    const Testbed bed(Controllers::require);
    Client client = bed.connect();
    Program program(client, in_new_shard({bed.hog(), "cpu", "2"}, millicores(500)));
    REQUIRE(program.read_line() == "2 ready");
    const double cores = cores_used(client, program.shard(), 3s);
    CHECK(cores > 0.30);
    CHECK(cores < 0.65);
    CHECK(cgroup_value(client, program.shard(), "cpu.stat", "nr_throttled") > 0);
}

TEST_CASE("cpu.max follows a resize while the hog runs") {
    const Testbed bed(Controllers::require);
    Client client = bed.connect();
    Program program(client, in_new_shard({bed.hog(), "cpu", "2"}, millicores(1200)));
    REQUIRE(program.read_line() == "2 ready");
    const double before = cores_used(client, program.shard(), 2s);
    must(client.resize(program.shard(), millicores(200)));
    CHECK(cgroup_file(client, program.shard(), "cpu.max") == "20000 100000");
    const double after = cores_used(client, program.shard(), 2s);
    CHECK(before > 0.7);
    CHECK(after < 0.35);
}

TEST_CASE(
    "of two hogs on one core the one with four times the weight gets about four times as much") {
    const Testbed bed(Controllers::require);
    Client client = bed.connect();
    Program light(client, in_new_shard({bed.hog(), "cpu", "1"}, on_first_core(100)));
    Program heavy(client, in_new_shard({bed.hog(), "cpu", "1"}, on_first_core(400)));
    REQUIRE(light.read_line() == "1 ready");
    REQUIRE(heavy.read_line() == "1 ready");
    const auto usage = [&](const Program& program) {
        return static_cast<double>(cgroup_value(client, program.shard(), "cpu.stat", "usage_usec"));
    };
    const double light_before = usage(light);
    const double heavy_before = usage(heavy);
    (void)cores_used(client, light.shard(), 3s);
    const double ratio = (usage(heavy) - heavy_before) / (usage(light) - light_before);
    CHECK(ratio > 2.5);
    CHECK(ratio < 6.0);
}

TEST_CASE("a program is held to the cores of its cpuset, whatever it asks for") {
    const Testbed bed(Controllers::require);
    Client client = bed.connect();
    const std::string code =
        "import os\n"
        "print(sorted(os.sched_getaffinity(0)))\n"
        "try:\n"
        "    os.sched_setaffinity(0, {1})\n"
        "    print(sorted(os.sched_getaffinity(0)))\n"
        "except OSError as error:\n"
        "    print('refused')\n";
    CHECK(output_of(client, in_new_shard({"python3", "-c", code}, on_first_core(100))) ==
          "[0]\nrefused\n");
}

}  // namespace shardrun::test
