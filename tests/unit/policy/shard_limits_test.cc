#include "policy/shard_limits.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <memory>

using namespace shardrun;
using namespace shardrun::policy;

namespace {

constexpr std::uint64_t kMib = 1U << 20U;

Result<void> allowed(const ShardLimits& wish, const ShardLimits& bound) {
    // Not on the stack: GCC 12 with a sanitizer takes it for uninitialised there.
    const auto rule = std::make_unique<ClientRule>();
    rule->limits_max = bound;
    return check_limits_allowed({1000, *rule, false}, wish);
}

int code_of(const Result<void>& result) {
    return result ? 0 : result.error().code;
}

}  // namespace

TEST_CASE("merging keeps what the wish does not say and takes what it says") {
    ShardLimits base;
    base.memory_max_bytes = 512 * kMib;
    base.pids_max = 256;
    ShardLimits wish;
    wish.pids_max = 10;
    wish.cpuset_cpus = "0";
    const ShardLimits merged = merge_limits(base, wish);
    CHECK(merged.memory_max_bytes == 512 * kMib);
    CHECK(merged.pids_max == 10);
    CHECK(merged.cpuset_cpus == "0");
}

TEST_CASE("io limits merge by device and by field") {
    ShardLimits base;
    base.io_max = {{8, 0, 100, 200, {}, {}}};
    ShardLimits wish;
    wish.io_max = {{8, 0, {}, 50, {}, {}}, {8, 16, 1, {}, {}, {}}};
    const ShardLimits merged = merge_limits(base, wish);
    REQUIRE(merged.io_max.size() == 2);
    CHECK(merged.io_max[0] == IoLimit{8, 0, 100, 50, {}, {}});
    CHECK(merged.io_max[1] == IoLimit{8, 16, 1, {}, {}, {}});
}

TEST_CASE("defaults above a bound are lowered to it, and what is absent becomes it") {
    ShardLimits defaults;
    defaults.memory_max_bytes = 512 * kMib;
    defaults.pids_max = 16;
    ShardLimits bound;
    bound.memory_max_bytes = 64 * kMib;
    bound.pids_max = 32;
    bound.cpu_max_millicores = 500;
    const ShardLimits clamped = clamp_limits(defaults, bound);
    CHECK(clamped.memory_max_bytes == 64 * kMib);
    CHECK(clamped.pids_max == 16);
    CHECK(clamped.cpu_max_millicores == 500);
}

TEST_CASE("CPUs outside the bound become the bound, those inside stay") {
    ShardLimits bound;
    bound.cpuset_cpus = "0-3";
    ShardLimits defaults;
    CHECK(clamp_limits(defaults, bound).cpuset_cpus == "0-3");
    defaults.cpuset_cpus = "2";
    CHECK(clamp_limits(defaults, bound).cpuset_cpus == "2");
    defaults.cpuset_cpus = "2-5";
    CHECK(clamp_limits(defaults, bound).cpuset_cpus == "0-3");
}

TEST_CASE("io limits of the bound hold for devices nobody spoke of") {
    ShardLimits bound;
    bound.io_max = {{8, 0, 1000, {}, {}, {}}};
    CHECK(clamp_limits({}, bound).io_max == bound.io_max);
    ShardLimits low;
    low.io_max = {{8, 0, 10, 5, {}, {}}};
    CHECK(clamp_limits(low, bound).io_max == low.io_max);
}

TEST_CASE("a wish may reach the bound and not pass it, with the words that mend it") {
    ShardLimits bound;
    bound.memory_max_bytes = 64 * kMib;
    ShardLimits wish;
    wish.memory_max_bytes = 64 * kMib;
    CHECK(allowed(wish, bound));
    wish.memory_max_bytes = 64 * kMib + 1;
    const Result<void> refused = allowed(wish, bound);
    REQUIRE(!refused);
    CHECK(refused.error().code == EDQUOT);
    CHECK(refused.error().message ==
          "memory_max_bytes: 67108865 asked, 67108864 allowed for uid 1000 by "
          "clients.default.limits_max.memory_max_mib");
}

TEST_CASE("every limit has its bound") {
    ShardLimits bound;
    bound.cpu_max_millicores = 1;
    bound.cpu_weight = 1;
    bound.cpuset_cpus = "0";
    bound.memory_high_bytes = 1;
    bound.memory_swap_max_bytes = 1;
    bound.pids_max = 1;
    bound.io_weight = 1;
    bound.tmpfs_size_max_bytes = 1;
    bound.files_max = 1;
    bound.io_max = {{8, 0, 1, 1, 1, 1}};
    const auto refuses = [&](auto set) {
        ShardLimits wish;
        set(wish);
        return code_of(allowed(wish, bound)) == EDQUOT;
    };
    CHECK(refuses([](ShardLimits& l) { l.cpu_max_millicores = 2; }));
    CHECK(refuses([](ShardLimits& l) { l.cpu_weight = 2; }));
    CHECK(refuses([](ShardLimits& l) { l.cpuset_cpus = "1"; }));
    CHECK(refuses([](ShardLimits& l) { l.memory_high_bytes = 2; }));
    CHECK(refuses([](ShardLimits& l) { l.memory_swap_max_bytes = 2; }));
    CHECK(refuses([](ShardLimits& l) { l.pids_max = 2; }));
    CHECK(refuses([](ShardLimits& l) { l.io_weight = 2; }));
    CHECK(refuses([](ShardLimits& l) { l.tmpfs_size_max_bytes = 2; }));
    CHECK(refuses([](ShardLimits& l) { l.files_max = 2; }));
    CHECK(refuses([](ShardLimits& l) { l.io_max = {{8, 0, 2, {}, {}, {}}}; }));
    CHECK(refuses([](ShardLimits& l) { l.io_max = {{8, 0, {}, 2, {}, {}}}; }));
    CHECK(refuses([](ShardLimits& l) { l.io_max = {{8, 0, {}, {}, 2, {}}}; }));
    CHECK(refuses([](ShardLimits& l) { l.io_max = {{8, 0, {}, {}, {}, 2}}; }));
    CHECK_FALSE(refuses([](ShardLimits& l) { l.io_max = {{8, 16, 2, {}, {}, {}}}; }));
}

TEST_CASE("values the kernel would not take are refused with their range") {
    const auto code = [](auto set) {
        ShardLimits wish;
        set(wish);
        return code_of(check_limit_values(wish));
    };
    CHECK(code([](ShardLimits& l) { l.cpu_weight = 10000; }) == 0);
    CHECK(code([](ShardLimits& l) { l.cpu_weight = 10001; }) == EINVAL);
    CHECK(code([](ShardLimits& l) { l.cpu_weight = 0; }) == EINVAL);
    CHECK(code([](ShardLimits& l) { l.cpu_max_millicores = 10; }) == 0);
    CHECK(code([](ShardLimits& l) { l.cpu_max_millicores = 9; }) == EINVAL);
    CHECK(code([](ShardLimits& l) { l.io_weight = 0; }) == EINVAL);
    CHECK(code([](ShardLimits& l) { l.memory_max_bytes = kMib; }) == 0);
    CHECK(code([](ShardLimits& l) { l.memory_max_bytes = kMib - 1; }) == EINVAL);
    CHECK(code([](ShardLimits& l) { l.memory_swap_max_bytes = 0; }) == 0);
    CHECK(code([](ShardLimits& l) { l.pids_max = 2; }) == 0);
    CHECK(code([](ShardLimits& l) { l.pids_max = 1; }) == EINVAL);
    CHECK(code([](ShardLimits& l) { l.files_max = 16; }) == 0);
    CHECK(code([](ShardLimits& l) { l.files_max = 15; }) == EINVAL);
    CHECK(code([](ShardLimits& l) { l.tmpfs_size_max_bytes = 4095; }) == EINVAL);
    CHECK(code([](ShardLimits& l) { l.cpuset_cpus = "0-1"; }) == 0);
    CHECK(code([](ShardLimits& l) { l.cpuset_cpus = "0-"; }) == EINVAL);
    ShardLimits wish;
    wish.cpu_weight = 0;
    CHECK(check_limit_values(wish).error().message ==
          "cpu_weight: 0 asked, from 1 to 10000 is possible");
}

TEST_CASE("a limit whose controller the host lacks is refused, others are not") {
    const auto bit = [](Controller controller) { return static_cast<std::uint32_t>(controller); };
    ShardLimits limits;
    limits.pids_max = 10;
    limits.files_max = 10;
    limits.tmpfs_size_max_bytes = 4096;
    CHECK(controllers_needed(limits) == bit(Controller::pids));
    CHECK(check_controllers(limits, 0));
    CHECK(check_controllers(limits, bit(Controller::memory) | bit(Controller::io)));
    const Result<void> refused = check_controllers(limits, bit(Controller::pids));
    REQUIRE(!refused);
    CHECK(refused.error().code == EOPNOTSUPP);
    CHECK(refused.error().message ==
          "pids_max: needs the pids controller of cgroup v2, which this host lacks; enable it, or "
          "set cgroup.controllers = \"best-effort\"");
}
