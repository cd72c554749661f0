#include "shard/limits_text.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

namespace shardrun::shard {
namespace {

std::string value_of(const std::vector<AttributeWrite>& writes, const std::string& attribute) {
    const auto at = std::ranges::find(writes, attribute, &AttributeWrite::attribute);
    return at == writes.end() ? "" : at->value;
}

}  // namespace

TEST_CASE("plan_limit_writes writes nothing for limits that are absent or unchanged") {
    CHECK(plan_limit_writes({}, {}).empty());
    ShardLimits limits;
    limits.pids_max = 5;
    limits.memory_max_bytes = 1 << 20;
    limits.io_max = {{8, 0, 1000, {}, {}, {}}};
    CHECK(plan_limit_writes(limits, limits).empty());
    CHECK(plan_limit_writes(limits, {}).size() <= 1);
}

TEST_CASE("plan_limit_writes writes each limit as the kernel reads it") {
    ShardLimits limits;
    limits.cpu_max_millicores = 1500;
    limits.cpu_weight = 200;
    limits.cpuset_cpus = "0-1";
    limits.memory_high_bytes = 100;
    limits.memory_max_bytes = 200;
    limits.memory_swap_max_bytes = 0;
    limits.pids_max = 20;
    limits.io_weight = 50;
    const std::vector<AttributeWrite> writes = plan_limit_writes({}, limits);
    CHECK(value_of(writes, "cpu.max") == "150000 100000");
    CHECK(value_of(writes, "cpu.weight") == "200");
    CHECK(value_of(writes, "cpuset.cpus") == "0-1");
    CHECK(value_of(writes, "memory.high") == "100");
    CHECK(value_of(writes, "memory.max") == "200");
    CHECK(value_of(writes, "memory.swap.max") == "0");
    CHECK(value_of(writes, "pids.max") == "20");
    CHECK(value_of(writes, "io.weight") == "default 50");
}

TEST_CASE("plan_limit_writes does not overflow with the largest share of processors") {
    ShardLimits limits;
    limits.cpu_max_millicores = 4'000'000'000;
    CHECK(value_of(plan_limit_writes({}, limits), "cpu.max") == "400000000000 100000");
}

TEST_CASE("plan_limit_writes gives each device its line, absent numbers as max") {
    ShardLimits limits;
    limits.io_max = {{8, 16, 1000, {}, {}, 7}, {259, 0, {}, 5, {}, {}}};
    const std::vector<AttributeWrite> writes = plan_limit_writes({}, limits);
    REQUIRE(writes.size() == 2);
    CHECK(writes[0] ==
          AttributeWrite{"io.max", "8:16 rbps=1000 wbps=max riops=max wiops=7", Controller::io});
    CHECK(writes[1].value == "259:0 rbps=max wbps=5 riops=max wiops=max");
}

TEST_CASE("plan_limit_writes lowers memory.high before memory.max") {
    ShardLimits limits;
    limits.memory_high_bytes = 1;
    limits.memory_max_bytes = 2;
    const std::vector<AttributeWrite> writes = plan_limit_writes({}, limits);
    REQUIRE(writes.size() == 2);
    CHECK(writes[0].attribute == "memory.high");
    CHECK(writes[1].attribute == "memory.max");
}

TEST_CASE("controllers_of and controller_names name what limits need") {
    ShardLimits limits;
    CHECK(controllers_of(limits) == 0);
    CHECK(controller_names(0).empty());
    limits.pids_max = 1;
    limits.cpu_weight = 1;
    const std::uint32_t bits = controllers_of(limits);
    CHECK(bits == (std::to_underlying(Controller::pids) | std::to_underlying(Controller::cpu)));
    CHECK(controller_names(bits) == "cpu, pids");
    CHECK(controller_names(31) == "cpu, cpuset, memory, pids, io");
}

}  // namespace shardrun::shard
