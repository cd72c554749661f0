#include <cerrno>

#include "driver.h"

using namespace shardrun;
using namespace shardrun::supervisor;

TEST_CASE("a drain without anything to end finishes at once") {
    Driver driver;
    driver.on(DrainRequested{});
    CHECK(driver.has<Finish>());
    CHECK(driver.next_deadline() == std::nullopt);
}

TEST_CASE("a drain takes no new work and no new clients") {
    Driver driver;
    const ClientId client = driver.connect();
    driver.running(client);
    driver.on(DrainRequested{});
    CHECK(driver.refusal(client, driver.run(client)).code == ESHUTDOWN);
    CHECK(driver.refusal(client, driver.new_shard(client)).code == ESHUTDOWN);
    CHECK(driver.refusal(driver.connect(), 0).code == ESHUTDOWN);
    const auto listed = driver.request(client, ResourceRequest::List{});
    CHECK(driver.assignment(client, listed).state == ShardState::draining);
}

TEST_CASE("a drain asks programs to end, lets them, then says farewell and finishes") {
    Driver driver;
    const ClientId client = driver.connect();
    const auto asked = driver.new_shard(client);
    const ShardId shard = driver.only<PrepareShard>().spec.id;
    driver.prepared(shard);
    const auto [same, program] = driver.running(client, shard);
    driver.on(DrainRequested{});
    CHECK(driver.only<SignalProgram>().signal_number == 15);
    CHECK(driver.only<SignalProgram>().program == ProgramId{});
    CHECK(driver.event_kinds(client, asked) == std::vector{AssignmentKind::draining});
    CHECK_FALSE(driver.has<DestroyShard>());
    driver.exited(shard, program);
    CHECK(driver.only<DestroyShard>().shard == shard);
    driver.on(ShardReclaimed{shard});
    CHECK(driver.event_kinds(client, asked) == std::vector{AssignmentKind::reclaimed});
    CHECK(driver.has<RemoveSlice>());
    CHECK(driver.comes_before<SendFrame, CloseClient>());
    CHECK_FALSE(driver.has<Finish>());
    driver.leave(client);
    CHECK(driver.has<Finish>());
}

TEST_CASE("programs that ignore the drain are ended at its deadline") {
    Config config = Driver::no_pool();
    config.supervisor.drain_deadline = 3s;
    Driver driver(config);
    const ClientId client = driver.connect();
    const auto [shard, program] = driver.running(client);
    driver.on(DrainRequested{});
    driver.pass(2999ms);
    CHECK_FALSE(driver.has<DestroyShard>());
    driver.pass(1ms);
    CHECK(driver.only<DestroyShard>().shard == shard);
}

TEST_CASE("asking a second time ends the patience") {
    Driver driver;
    const auto [shard, program] = driver.running(driver.connect());
    driver.on(DrainRequested{});
    driver.on(DrainRequested{});
    CHECK(driver.only<DestroyShard>().shard == shard);
}

TEST_CASE("a drain refuses what has not begun and destroys what runs nothing") {
    Config config;
    config.warm_pool.shards_min = 2;
    Driver driver(config);
    driver.pass(0ms);
    for (const PrepareShard& spare : driver.all<PrepareShard>()) driver.prepared(spare.spec.id);
    const ClientId client = driver.connect();
    const ShardId idle = driver.ready_shard(client);
    const auto waiting = driver.run(client, idle);
    const auto pending = driver.new_shard(client);
    driver.on(DrainRequested{});
    CHECK(driver.refusal(client, waiting).code == ESHUTDOWN);
    CHECK(driver.refusal(client, pending).code == ESHUTDOWN);
    CHECK_FALSE(driver.has<SignalProgram>());
    CHECK(driver.all<DestroyShard>().size() >= 4);
    CHECK_FALSE(driver.has<PrepareShard>());
}

TEST_CASE("a drain ends a one-shot shard whose own program never began, with all beside it") {
    Driver driver;
    const ClientId owner = driver.connect();
    const auto main = driver.run(owner);
    const ShardId shard = driver.only<PrepareShard>().spec.id;
    driver.prepared(shard);
    driver.running(owner, shard);
    const auto waiting = driver.run(owner, shard);
    driver.on(DrainRequested{});
    CHECK(driver.refusal(owner, main).code == ESHUTDOWN);
    CHECK(driver.refusal(owner, waiting).code == ESHUTDOWN);
    CHECK(driver.only<DestroyShard>().shard == shard);
    CHECK_FALSE(driver.has<SignalProgram>());
}

TEST_CASE("a drain gives up on what cannot be reclaimed, and says so") {
    Config config = Driver::no_pool();
    config.supervisor.drain_deadline = 3s;
    Driver driver(config);
    const ClientId client = driver.connect();
    driver.running(client);
    driver.on(DrainRequested{});
    driver.pass(6000ms);
    CHECK(driver.has<Finish>());
    bool is_told = false;
    for (const LogLine& line : driver.all<LogLine>()) is_told |= line.level == 3;
    CHECK(is_told);
    CHECK(driver.next_deadline() == std::nullopt);
}

TEST_CASE("a client that does not leave cannot hold up the end") {
    Driver driver;
    driver.connect();
    driver.on(DrainRequested{});
    CHECK(driver.has<CloseClient>());
    CHECK_FALSE(driver.has<Finish>());
    driver.pass(2s);
    CHECK(driver.has<Finish>());
}

TEST_CASE("a new configuration holds for new decisions and leaves what was granted") {
    Driver driver;
    const ClientId client = driver.connect(1000);
    const ShardId one = driver.ready_shard(client);
    driver.ready_shard(client);
    auto config = std::make_shared<Config>(Driver::no_pool());
    config->default_client.shards_max = 1;
    config->shard.uid_first = 5000;
    driver.on(ConfigReloaded{config});
    CHECK_FALSE(driver.has<DestroyShard>());
    CHECK(driver.refusal(client, driver.new_shard(client)).code == EDQUOT);
    const ClientId other = driver.connect(1001);
    driver.new_shard(other);
    CHECK(driver.only<PrepareShard>().spec.uid == 5000);
    driver.run(client, one);
    CHECK(driver.has<RunProgram>());
}
