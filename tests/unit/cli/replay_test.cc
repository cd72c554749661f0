#include <doctest/doctest.h>

#include <cerrno>

#include "cli/replay_plan.h"
#include "cli/replay_view.h"

using namespace shardrun;
using namespace shardrun::cli;
using policy::CacheBound;
using policy::EvictionPolicy;
using replay::Percent;
using replay::ReplayResult;

namespace {

ReplayOptions with_objects(std::string objects) {
    ReplayOptions options;
    options.cache_objects = std::move(objects);
    return options;
}

std::string refusal(const ReplayOptions& options) {
    const auto plan = plan_replay(options);
    return plan ? "no refusal" : plan.error().message;
}

const ReplayResult kLru{
    EvictionPolicy::lru, {CacheBound::Unit::bytes, 4566728}, {8, 6, 440, 380, 3}};
const ReplayResult kLfu{EvictionPolicy::lfu, {CacheBound::Unit::objects, 2}, {3, 1, 3, 1, 0}};

}  // namespace

TEST_CASE("a replay has the default policy, no limit and one cache unless it says otherwise") {
    const auto plan = plan_replay(with_objects("100"));
    REQUIRE(plan.has_value());
    CHECK(plan->policies == std::vector{policy::kDefaultEvictionPolicy});
    CHECK(std::get<CacheBound>(plan->bound).unit == CacheBound::Unit::objects);
    CHECK(std::get<CacheBound>(plan->bound).amount == 100);
    CHECK(plan->requests_max == ~std::uint64_t{0});
}

TEST_CASE("policies are replayed in the order in which they are named, each once") {
    ReplayOptions options = with_objects("1");
    options.evict = {"lfu", "fifo", "lfu"};
    CHECK(plan_replay(options)->policies == std::vector{EvictionPolicy::lfu, EvictionPolicy::fifo});
    options.evict = {"sieve", "all"};
    CHECK(plan_replay(options)->policies.size() == policy::kEvictionPolicies.size());
    CHECK(plan_replay(options)->policies.front() == EvictionPolicy::sieve);
}

TEST_CASE("a list is printed when more than one policy was asked for, or all") {
    ReplayOptions options;
    CHECK_FALSE(is_list_wanted(options));
    options.evict = {"lru"};
    CHECK_FALSE(is_list_wanted(options));
    options.evict = {"all"};
    CHECK(is_list_wanted(options));
    options.evict = {"lru", "lru"};
    CHECK(is_list_wanted(options));
}

TEST_CASE("the default of the help is the default") {
    CHECK(name_of(policy::kDefaultEvictionPolicy) == "gdsf");
}

TEST_CASE("a cache's size is given in one way, and is at least 1") {
    ReplayOptions options;
    CHECK(refusal(options) ==
          "the cache's size is missing: give one of --cache-objects, --cache-bytes and "
          "--cache-percent");
    options.cache_bytes = "1.5K";
    CHECK(std::get<CacheBound>(plan_replay(options)->bound).amount == 1536);
    options.cache_percent = "1";
    CHECK(refusal(options).starts_with("the cache's size is given twice: "));
    options.cache_bytes.reset();
    CHECK(std::get<Percent>(plan_replay(options)->bound) == Percent{1, 100});
    options.cache_percent = "0";
    CHECK(refusal(options) == "--cache-percent: 0 percent is nothing");
    CHECK(refusal(with_objects("0")) == "--cache-objects: 0 is less than 1");
    CHECK(refusal(with_objects("1K")).starts_with("--cache-objects: '1K' is not a whole number"));
    options = {};
    options.cache_bytes = "0";
    CHECK(refusal(options) == "--cache-bytes: 0 is less than 1");
}

TEST_CASE("words that mean nothing are refused with what there is") {
    ReplayOptions options = with_objects("1");
    options.evict = {"s3fifo"};
    CHECK(
        refusal(options) ==
        "--evict: 's3fifo' is no policy (did you mean 's3-fifo'?): there are fifo, lru, lfu, gdsf, "
        "arc, sieve, s3-fifo, w-tinylfu, all");
    options.evict = {};
    options.predict = "markov";
    CHECK(refusal(options) == "--predict: 'markov' is no predictor: the only one is none");
    options.predict = "none";
    CHECK(plan_replay(options).has_value());
    options.limit = "0";
    CHECK(refusal(options) == "--limit: 0 is less than 1");
    options.limit = "10";
    CHECK(plan_replay(options)->requests_max == 10);
}

TEST_CASE("results are a table for people, and rows with tabs for scripts") {
    CHECK(render_replay({kLru, kLfu}, true) ==
          "EVICT  CACHE      REQUESTS  HITS  MISSES  EVICTIONS  OBJECT MISS  BYTE MISS\n"
          "lru    4.4 MiB    8         2     6       3          75.00 %      86.36 %\n"
          "lfu    2 objects  3         2     1       0          33.33 %      33.33 %\n");
    CHECK(render_replay({kLfu}, false) == "lfu\t2 objects\t3\t2\t1\t0\t33.33 %\t33.33 %\n");
}

TEST_CASE("one result is a JSON object, a list of one is a list") {
    const std::string object =
        "{\n"
        "  \"evict\": \"lru\",\n"
        "  \"unit\": \"bytes\",\n"
        "  \"cache_size\": 4566728,\n"
        "  \"requests\": 8,\n"
        "  \"misses\": 6,\n"
        "  \"request_bytes\": 440,\n"
        "  \"miss_bytes\": 380,\n"
        "  \"evictions\": 3,\n"
        "  \"object_miss_ratio\": 0.75,\n"
        "  \"byte_miss_ratio\": 0.8636363636363636\n"
        "}\n";
    CHECK(render_replay_json({kLru}, false) == object);
    const std::string list = render_replay_json({kLru}, true);
    CHECK(list.starts_with("[\n  {\n    \"evict\": \"lru\",\n"));
    CHECK(list.ends_with("  }\n]\n"));
}
