#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

#include "world.h"

namespace {

using shardrun::sim::Canary;
using shardrun::sim::World;

constexpr unsigned kSteps = 2000;
#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t kSeeds = 40;  // Each takes many times as long.
#else
constexpr std::uint64_t kSeeds = 300;
#endif
constexpr std::uint64_t kCanarySeeds = 40;

std::optional<std::uint64_t> given_seed;

std::optional<std::uint64_t> parse_seed(const char* text) {
    std::uint64_t seed = 0;
    const char* end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, seed);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return seed;
}

std::optional<std::string> first_failure(Canary canary, std::uint64_t seeds) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed)
        if (const auto failure = World(seed, canary).run(kSteps)) return failure;
    return std::nullopt;
}

}  // namespace

TEST_CASE("the manager keeps its invariants and its word whatever clients and kernel do") {
    World::Totals sum;
    const std::uint64_t first = given_seed.value_or(1);
    const std::uint64_t last = given_seed.value_or(kSeeds);
    for (std::uint64_t seed = first; seed <= last; ++seed) {
        World world(seed);
        const std::optional<std::string> failure = world.run(kSteps);
        CHECK_MESSAGE(!failure, failure.value_or(""), "; replay with --seed=", seed);
        if (failure) break;
        sum.frames_sent += world.totals().frames_sent;
        sum.programs_started += world.totals().programs_started;
        sum.warm += world.totals().warm;
        sum.blobs += world.totals().blobs;
        sum.files_watched += world.totals().files_watched;
        sum.shards_prepared += world.totals().shards_prepared;
    }
    MESSAGE(fmt::format(
        "{} requests, {} shards, {} programs, {} of them warm, {} blobs, {} files watched",
        sum.frames_sent, sum.shards_prepared, sum.programs_started, sum.warm, sum.blobs,
        sum.files_watched));
    // A world in which nothing happens would find nothing.
    CHECK(sum.programs_started > (last - first + 1) * 10);
    if (!given_seed) CHECK(sum.warm > kSeeds);
    if (!given_seed) CHECK(sum.blobs > kSeeds);
    if (!given_seed) CHECK(sum.files_watched > kSeeds);
}

TEST_CASE("the simulation finds a bug of each kind planted between manager and world") {
    const std::pair<Canary, const char*> canaries[] = {
        {Canary::reclaim_is_lost, "reclaim_is_lost"},
        {Canary::descriptor_leaks, "descriptor_leaks"},
        {Canary::reply_is_lost, "reply_is_lost"},
        {Canary::reply_comes_twice, "reply_comes_twice"},
        {Canary::exit_is_lost, "exit_is_lost"},
        {Canary::uid_is_shared, "uid_is_shared"},
        {Canary::destroyed_too_soon, "destroyed_too_soon"},
        {Canary::slice_stays, "slice_stays"},
        {Canary::shard_stays, "shard_stays"},
    };
    for (const auto& [canary, name] : canaries) {
        const std::optional<std::string> found = first_failure(canary, kCanarySeeds);
        CHECK_MESSAGE(found, name, " was not noticed");
        if (found) MESSAGE(fmt::format("{}: {}", name, *found));
    }
}

TEST_CASE("one seed always gives the same world") {
    World once(7);
    World again(7);
    CHECK(once.run(kSteps) == again.run(kSteps));
    CHECK(once.totals().frames_received == again.totals().frames_received);
}

int main(int argc, char** argv) {
    const char* seed = std::getenv("SEED");
    for (int i = 1; i < argc; ++i)
        if (std::string_view(argv[i]).starts_with("--seed=")) seed = argv[i] + 7;
    if (seed != nullptr) given_seed = parse_seed(seed);
    if (seed != nullptr && !given_seed) {
        fmt::print(stderr, "--seed={}: is no number\n", seed);
        return 2;
    }
    return doctest::Context(argc, argv).run();
}
