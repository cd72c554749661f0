#include "replay/replay_trace.h"

#include <doctest/doctest.h>

#include "memory_source.h"

using namespace shardrun;
using namespace shardrun::replay;
using policy::CacheBound;
using policy::EvictionPolicy;

namespace {

// a and b of 40 bytes, c of 20, d of 200, which no cache here holds.
const std::string kTrace =
    "time,client,object,size\n"
    "0,1,a,40\n1,1,b,40\n2,1,a,40\n3,1,c,20\n4,1,d,200\n5,1,b,40\n6,1,c,20\n7,1,a,40\n";

ReplayMetrics metrics_of(const std::string& bytes, const ReplayPlan& plan) {
    MemorySource source(bytes);
    TraceReader trace(source, "t");
    const auto results = replay_trace(trace, plan);
    REQUIRE(results.has_value());
    REQUIRE(results->size() == 1);
    return results->front().metrics;
}

std::uint64_t bound_of(const ReplayPlan& plan) {
    MemorySource source(kTrace);
    TraceReader trace(source, "t");
    return replay_trace(trace, plan)->front().bound.amount;
}

}  // namespace

TEST_CASE("with a bound of bytes sizes count") {
    // Of 80 bytes: a b A c(-b) d! b(-a) C a(-c... LRU: the older of c and b goes).
    const ReplayMetrics metrics =
        metrics_of(kTrace, {{EvictionPolicy::lru}, CacheBound{CacheBound::Unit::bytes, 80}});
    CHECK(metrics == ReplayMetrics{8, 6, 440, 380, 3});
    CHECK(metrics.hits() == 2);
    CHECK(metrics.object_miss_ratio() == 6.0 / 8);
    CHECK(metrics.byte_miss_ratio() == 380.0 / 440);
}

TEST_CASE("with a bound of objects each counts as 1, also among the bytes") {
    const ReplayMetrics metrics =
        metrics_of(kTrace, {{EvictionPolicy::lru}, CacheBound{CacheBound::Unit::objects, 2}});
    // a b A c-b d-a b-c c-d a-b
    CHECK(metrics == ReplayMetrics{8, 7, 8, 7, 5});
}

TEST_CASE("a percentage is one of the bytes of the distinct objects that were asked for") {
    CHECK(bound_of({{EvictionPolicy::lru}, Percent{50, 100}}) == 150);
    CHECK(bound_of({{EvictionPolicy::lru}, Percent{1, 1000000}}) == 1);
    // Only of the requests that are taken: a and b.
    CHECK(bound_of({{EvictionPolicy::lru}, Percent{50, 100}, 3}) == 40);
}

TEST_CASE("a percentage gives what the same bound in bytes gives") {
    const ReplayMetrics by_percent = metrics_of(kTrace, {{EvictionPolicy::gdsf}, Percent{30, 100}});
    const ReplayMetrics by_bytes =
        metrics_of(kTrace, {{EvictionPolicy::gdsf}, CacheBound{CacheBound::Unit::bytes, 90}});
    CHECK(by_percent == by_bytes);
}

TEST_CASE("a limit takes the first requests and does not look at the rest") {
    const ReplayPlan plan{{EvictionPolicy::lru}, CacheBound{CacheBound::Unit::objects, 2}, 3};
    CHECK(metrics_of(kTrace, plan) == ReplayMetrics{3, 2, 3, 2, 0});
    CHECK(metrics_of("time,client,object,size\n0,1,a,1\n0,1,a,1\n0,1,a,1\nrubbish\n", plan) ==
          ReplayMetrics{3, 1, 3, 1, 0});
}

TEST_CASE("a trace without requests misses nothing") {
    const std::string empty = "time,client,object,size\n";
    const ReplayMetrics none = metrics_of(empty, {{EvictionPolicy::lru}, Percent{10, 100}});
    CHECK(none == ReplayMetrics{});
    CHECK(none.object_miss_ratio() == 0);
    CHECK(none.byte_miss_ratio() == 0);
}

TEST_CASE("policies that are replayed together do not disturb one another") {
    MemorySource source(kTrace);
    TraceReader trace(source, "t");
    const CacheBound bound{CacheBound::Unit::bytes, 80};
    const std::vector<EvictionPolicy> all(policy::kEvictionPolicies.begin(),
                                          policy::kEvictionPolicies.end());
    const auto results = replay_trace(trace, {all, bound});
    REQUIRE(results.has_value());
    for (const ReplayResult& result : *results)
        CHECK(result.metrics == metrics_of(kTrace, {{result.policy}, bound}));
}

TEST_CASE("a trace that is refused gives no result") {
    for (const std::variant<CacheBound, Percent>& bound :
         {std::variant<CacheBound, Percent>(CacheBound{CacheBound::Unit::bytes, 80}),
          std::variant<CacheBound, Percent>(Percent{10, 100})}) {
        MemorySource source(kTrace + "8,1,a\n");
        TraceReader trace(source, "t");
        const auto results = replay_trace(trace, {{EvictionPolicy::lru}, bound});
        REQUIRE_FALSE(results.has_value());
        CHECK(results.error().message == "t:10:6: the line ends after 3 of 4 fields");
    }
}

TEST_CASE("a percentage is exact, whatever binary fractions make of it") {
    CHECK(part_of(1000, *parse_percent("29")) == 290);
    CHECK(part_of(280431244, *parse_percent("0.1")) == 280431);
    CHECK(part_of(456672853, *parse_percent("10")) == 45667285);
    CHECK(part_of(7, *parse_percent("100")) == 7);
    CHECK(part_of(7, *parse_percent("0.000001")) == 1);
    CHECK(part_of(0, *parse_percent("50")) == 1);
    CHECK(part_of(~std::uint64_t{0}, *parse_percent("100.000000")) == ~std::uint64_t{0});
    CHECK(*parse_percent("00012.50") == Percent{1250, 10000});
}

TEST_CASE("what is no percentage is refused") {
    for (const char* text :
         {"", ".", "1.", ".5", "-1", "+1", "1e1", "1,5", "10%", " 1", "0.0000001"})
        CHECK(parse_percent(text).error().code == EINVAL);
    for (const char* text : {"0", "0.000000", "100.000001", "101", "99999999999999999999"})
        CHECK(parse_percent(text).error().code == ERANGE);
}
