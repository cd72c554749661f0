#include "policy/cpu_set.h"

#include <doctest/doctest.h>

#include <cerrno>

using shardrun::policy::CpuSet;
using shardrun::policy::is_cpu_subset;

TEST_CASE("a list of CPUs and ranges is what it says") {
    const auto set = CpuSet::parse("0-2,7");
    REQUIRE(set);
    CHECK(set->has(0));
    CHECK(set->has(2));
    CHECK_FALSE(set->has(3));
    CHECK(set->has(7));
    CHECK_FALSE(set->has(8));
}

TEST_CASE("what is no list of CPUs is refused with the part that is wrong") {
    for (const char* text : {"", ",", "0,", "a", "1-", "-1", "3-2", "0 ", "0x1", "8192", "1-2-3",
                             "99999999999999999999"}) {
        const auto set = CpuSet::parse(text);
        REQUIRE_MESSAGE(!set, text);
        CHECK(set.error().code == EINVAL);
    }
    CHECK(CpuSet::parse("0,a").error().message ==
          "cpuset_cpus: 'a' is no CPU or range of CPUs; write \"0-3,7\"");
    CHECK(CpuSet::parse("8191"));
}

TEST_CASE("a set is within another when all of its CPUs are") {
    CHECK(is_cpu_subset("1,2", "0-3"));
    CHECK(is_cpu_subset("0-3", "0-3"));
    CHECK_FALSE(is_cpu_subset("3-4", "0-3"));
    CHECK_FALSE(is_cpu_subset("x", "0-3"));
    CHECK_FALSE(is_cpu_subset("0", "x"));
}
