#include <cerrno>

#include "driver.h"

using namespace shardrun;
using namespace shardrun::supervisor;

namespace {

Config pool_of(std::uint32_t most, std::uint32_t least = 0) {
    Config config;
    config.warm_pool.shards_max = most;
    config.warm_pool.shards_min = least;
    config.warm_pool.memory = 10s;
    return config;
}

/// Lets everything be made until the pool asks for no more; returns what became ready.
std::vector<shard::ShardSpec> fill(Driver& driver) {
    std::vector<shard::ShardSpec> spares;
    for (bool is_asked = true; is_asked;) {
        driver.pass(0ms);
        is_asked = false;
        const std::vector<shard::ShardSpec> made = driver.made;
        for (const shard::ShardSpec& spec : made) {
            if (driver.ready.contains(spec.id)) continue;
            is_asked = true;
            spares.push_back(spec);
            driver.prepared(spec.id);
        }
    }
    return spares;
}

/// Whether a Run of this client, just asked, had a shard made for it.
bool is_cold(const Driver& driver) {
    const auto run = driver.only<RunProgram>();
    for (const PrepareShard& prepare : driver.all<PrepareShard>())
        if (prepare.spec.id == run.shard) return true;
    return false;
}

/// One program from Run to reclaimed; whether its shard was warm.
bool run_once(Driver& driver, ClientId client) {
    const auto asked = driver.run(client);
    const auto run = driver.only<RunProgram>();
    if (is_cold(driver)) driver.prepared(run.shard);
    driver.started(run.shard, run.program.id);
    const bool is_warm = driver.assignment(client, asked).warm.value_or(false);
    driver.exited(run.shard, run.program.id);
    driver.on(ShardReclaimed{run.shard});
    return is_warm;
}

}  // namespace

TEST_CASE("shards_min spares of the default kind are made at the start") {
    Driver driver(pool_of(16, 3));
    const auto spares = fill(driver);
    REQUIRE(spares.size() == 3);
    CHECK(spares[0].slice != spares[1].slice);
    CHECK(spares[0].uid != spares[1].uid);
    CHECK(driver.next_deadline() == std::nullopt);
}

TEST_CASE("a wish after the first finds a spare, and its program runs in the same step") {
    Driver driver(pool_of(16));
    const ClientId client = driver.connect();
    CHECK_FALSE(run_once(driver, client));
    const auto spares = fill(driver);
    REQUIRE(spares.size() == 1);
    const auto asked = driver.run(client);
    CHECK_FALSE(driver.has<PrepareShard>());  // The next spare is made after this step.
    CHECK_FALSE(driver.has<ApplyLimits>());
    CHECK(driver.only<RunProgram>().shard == spares[0].id);
    driver.started(spares[0].id, driver.only<RunProgram>().program.id);
    CHECK(driver.assignment(client, asked).warm == true);
    CHECK(driver.assignment(client, asked).prepare_us == 0);
    CHECK(driver.assignment(client, asked).shard_uid == spares[0].uid);
}

TEST_CASE("a subscriber learns of a warm shard as of a cold one, and of no spare") {
    Driver driver(pool_of(16, 1));
    const ClientId watcher = driver.connect(0);
    const auto watch = driver.request(watcher, ResourceRequest::Subscribe{});
    driver.pass(0ms);
    driver.prepared(driver.made.front().id);
    CHECK(driver.frames(watcher).empty());
    driver.run(driver.connect(1000));
    CHECK(driver.event_kinds(watcher, watch) == std::vector{AssignmentKind::assigned});
}

TEST_CASE("the pool refills a little after use, out of the way of who used it") {
    Driver driver(pool_of(16, 1));
    fill(driver);
    const ClientId client = driver.connect();
    driver.run(client);
    CHECK_FALSE(driver.has<PrepareShard>());
    CHECK(driver.next_deadline() == driver.now + 3ms);
    driver.pass(2ms);
    CHECK_FALSE(driver.has<PrepareShard>());
    driver.pass(1ms);
    CHECK(driver.has<PrepareShard>());
}

TEST_CASE("steady use does not put off the refill, and a miss refills at once") {
    Driver driver(pool_of(16, 2));
    fill(driver);
    driver.run(driver.connect());
    const auto due = driver.next_deadline();
    driver.pass(2ms);
    driver.run(driver.connect());
    CHECK(driver.next_deadline() == due);
    driver.run(driver.connect());
    CHECK(driver.next_deadline() == driver.now);
}

TEST_CASE("a client that runs one program after another is always served warm") {
    Driver driver(pool_of(16));
    const ClientId client = driver.connect();
    run_once(driver, client);
    for (int i = 0; i < 20; ++i) {
        fill(driver);
        CHECK(run_once(driver, client));
        driver.pass(1000ms);
        for (const DestroyShard& surplus : driver.all<DestroyShard>())
            driver.on(ShardReclaimed{surplus.shard});
    }
}

TEST_CASE("a spare's slice becomes the client's, and its next cold shard goes there") {
    Driver driver(pool_of(16, 1));
    const auto spares = fill(driver);
    const ClientId client = driver.connect();
    driver.run(client);
    ShardOptions other;
    other.hostname = "other";
    driver.new_shard(client, other);
    CHECK(driver.asked_for().slice == spares[0].slice);
}

TEST_CASE("a client with living shards gets spares in its own slice") {
    Driver driver(pool_of(16));
    const ClientId client = driver.connect();
    driver.new_shard(client);
    const shard::ShardSpec first = driver.asked_for();
    driver.prepared(first.id);
    driver.new_shard(client);
    driver.prepared(driver.asked_for().id);
    const auto spares = fill(driver);
    bool has_own = false;
    for (const shard::ShardSpec& spare : spares) has_own |= spare.slice == first.slice;
    CHECK(has_own);
    const auto asked = driver.new_shard(client);
    CHECK(driver.assignment(client, asked).warm == true);
    CHECK_FALSE(driver.has<PrepareShard>());
}

TEST_CASE("spares in a client's slice go with the client") {
    Driver driver(pool_of(16));
    const ClientId client = driver.connect();
    driver.ready_shard(client);
    driver.ready_shard(client);
    const std::size_t spares = fill(driver).size();
    CHECK(spares == 2);  // One for anybody, as the first wish was for, one in the slice.
    driver.leave(client);
    CHECK(driver.all<DestroyShard>().size() == 3);
}

TEST_CASE("limits that differ are written before the program runs, and charged if they fail") {
    Driver driver(pool_of(16, 1));
    const auto spares = fill(driver);
    const ClientId client = driver.connect();
    ResourceRequest::Run run;
    run.program.argv = {"true"};
    run.options.limits.pids_max = 7;
    const auto asked = driver.request(client, run);
    CHECK(driver.only<RunProgram>().shard == spares[0].id);
    CHECK(driver.comes_before<ApplyLimits, RunProgram>());
    CHECK(driver.only<ApplyLimits>().limits.pids_max == 7);
    driver.on(LimitsApplied{spares[0].id, Error{EIO, "write pids.max: Input/output error"}});
    CHECK(driver.refusal(client, asked).code == EIO);
    CHECK(driver.only<DestroyShard>().shard == spares[0].id);
}

TEST_CASE("a spare of another kind is not taken") {
    Config config = pool_of(16, 1);
    config.default_client.capabilities = {"CAP_NET_RAW"};
    config.default_client.host_network = true;
    config.default_client.seccomp_profiles = {"default", "strict"};
    config.seccomp_profiles["strict"] = "/etc/strict.json";
    Driver driver(config);
    fill(driver);
    const ClientId client = driver.connect();
    const auto is_made = [&](auto set) {
        ResourceRequest::Run run;
        run.program.argv = {"true"};
        set(run.options);
        driver.request(client, run);
        return is_cold(driver);
    };
    CHECK_FALSE(is_made([](ShardOptions&) {}));
    CHECK(is_made([](ShardOptions& o) { o.hostname = "other"; }));
    CHECK(is_made([](ShardOptions& o) { o.capabilities = {"CAP_NET_RAW"}; }));
    CHECK(is_made([](ShardOptions& o) { o.network = NetworkMode::host; }));
    CHECK(is_made([](ShardOptions& o) { o.seccomp_profile = "strict"; }));
    CHECK(is_made([](ShardOptions& o) { o.user_namespace = true; }));
    CHECK(is_made([](ShardOptions& o) { o.limits.tmpfs_size_max_bytes = 1U << 20U; }));
    CHECK(is_made([](ShardOptions& o) { o.limits.memory_high_bytes = 1U << 22U; }));
    CHECK(is_made([](ShardOptions& o) { o.limits.io_max = {{8, 0, 1, {}, {}, {}}}; }));
}

TEST_CASE("spares follow demand up to the bound and are forgotten with it") {
    Driver driver(pool_of(4));
    for (int i = 0; i < 9; ++i) {
        const ClientId client = driver.connect();
        driver.run(client);
        driver.leave(client);
    }
    CHECK(fill(driver).size() == 9 + 4);  // The nine asked for, and four spares.
    driver.pass(7000ms);
    CHECK_FALSE(driver.has<DestroyShard>());
    driver.pass(3001ms);
    CHECK(driver.all<DestroyShard>().size() == 4);
    driver.pass(0ms);
    CHECK_FALSE(driver.has<PrepareShard>());
    driver.pass(60s);
    CHECK(driver.actions.empty());
}

TEST_CASE("spares are no part of any quota") {
    Config config = pool_of(16, 8);
    config.default_client.shards_max = 1;
    config.supervisor.shards_max = 1;
    Driver driver(config);
    CHECK(fill(driver).size() == 8);
    const ClientId client = driver.connect();
    driver.run(client);
    CHECK(driver.has<RunProgram>());
    CHECK(driver.refusal(client, driver.run(client)).code == EDQUOT);
}

TEST_CASE("spares give way when their uids are needed") {
    Config config = pool_of(16, 2);
    config.shard.uid_count = 2;
    Driver driver(config);
    const auto spares = fill(driver);
    REQUIRE(spares.size() == 2);
    ShardOptions other;
    other.hostname = "other";
    const ClientId client = driver.connect();
    CHECK(driver.refusal(client, driver.new_shard(client, other)).code == EAGAIN);
    CHECK(driver.all<DestroyShard>().size() == 2);
    driver.on(ShardReclaimed{spares[0].id});
    driver.new_shard(client, other);
    CHECK(driver.has<PrepareShard>());
}

TEST_CASE("a spare that dies is replaced, spares that fail are retried ever more slowly") {
    Driver driver(pool_of(16, 1));
    const auto spares = fill(driver);
    driver.on(ShardDied{spares[0].id, shard::DeathCause::init_exited});
    CHECK(driver.only<DestroyShard>().shard == spares[0].id);
    CHECK_FALSE(driver.has<SendFrame>());
    driver.on(ShardReclaimed{spares[0].id});
    int attempts = 0;
    for (int second = 0; second < 60; ++second) {
        driver.pass(1000ms);
        for (const PrepareShard& spare : driver.all<PrepareShard>()) {
            ++attempts;
            driver.on(ShardFailed{spare.spec.id, Error{ENOSPC, "create cgroup"}});
            driver.on(ShardReclaimed{spare.spec.id});
        }
    }
    CHECK(attempts >= 4);
    CHECK(attempts <= 10);
}

TEST_CASE("a new configuration empties the pool, and its spares are of the new kind") {
    Driver driver(pool_of(16, 2));
    fill(driver);
    auto config = std::make_shared<Config>(pool_of(16, 1));
    config->shard.hostname = "fresh";
    driver.on(ConfigReloaded{config});
    CHECK(driver.all<DestroyShard>().size() == 2);
    const auto spares = fill(driver);
    REQUIRE(spares.size() == 1);
    CHECK(spares[0].hostname == "fresh");
}

TEST_CASE("a spare that was on its way when the configuration changed is not kept") {
    Driver driver(pool_of(16, 1));
    driver.pass(0ms);
    const ShardId old = driver.only<PrepareShard>().spec.id;
    driver.on(ConfigReloaded{std::make_shared<Config>(pool_of(16, 1))});
    CHECK(driver.only<DestroyShard>().shard == old);
    driver.prepared(old);
    const auto asked = driver.run(driver.connect());
    (void)asked;
    CHECK(driver.only<RunProgram>().shard != old);
}

TEST_CASE("without a pool nothing is kept and nobody is woken") {
    Driver driver(pool_of(0, 5));
    const ClientId client = driver.connect();
    CHECK_FALSE(run_once(driver, client));
    driver.pass(10s);
    CHECK_FALSE(driver.has<PrepareShard>());
    CHECK(driver.next_deadline() == std::nullopt);
}

TEST_CASE("a shard with an image is always made anew, and no spare like it is kept") {
    Driver driver(pool_of(8));
    const ClientId client = driver.connect();
    ShardOptions options;
    options.image = "app";
    for (int i = 0; i < 3; ++i) {
        driver.new_shard(client, options);
        CHECK(driver.only<PrepareShard>().spec.image == "app");
        driver.prepared(driver.asked_for().id);
        CHECK(fill(driver).empty());
    }
}
