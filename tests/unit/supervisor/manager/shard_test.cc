#include <cerrno>

#include "driver.h"

using namespace shardrun;
using namespace shardrun::supervisor;

TEST_CASE("a new shard is the client's when it is ready, and not before") {
    Driver driver;
    const ClientId client = driver.connect(1000);
    const auto asked = driver.new_shard(client);
    const shard::ShardSpec spec = driver.only<PrepareShard>().spec;
    CHECK_FALSE(driver.is_answered(client, asked));
    CHECK(spec.keeps_spare);
    CHECK(spec.limits == Config().shard.limits);
    driver.prepared(spec.id);
    const ShardAssignment assigned = driver.assignment(client, asked);
    CHECK(assigned.kind == AssignmentKind::assigned);
    CHECK(assigned.state == ShardState::ready);
    CHECK(assigned.shard == spec.id);
    CHECK(assigned.shard_uid == spec.uid);
    CHECK(assigned.prepare_us == 900);
    CHECK(assigned.warm == false);
    CHECK(assigned.init_pid == 77);
    CHECK(assigned.options->limits == spec.limits);
}

TEST_CASE("shards of one client share a slice, shards never share a uid") {
    Driver driver;
    const ClientId client = driver.connect(1000);
    driver.new_shard(client);
    const shard::ShardSpec first = driver.only<PrepareShard>().spec;
    driver.new_shard(client);
    const shard::ShardSpec second = driver.only<PrepareShard>().spec;
    CHECK(first.slice == second.slice);
    CHECK(first.uid != second.uid);
    driver.new_shard(driver.connect(1000));
    CHECK(driver.only<PrepareShard>().spec.slice != first.slice);
}

TEST_CASE("a uid stays taken until its shard is reclaimed") {
    Config config = Driver::no_pool();
    config.shard.uid_count = 1;
    Driver driver(config);
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    driver.request(client, ResourceRequest::Release{shard});
    const auto early = driver.new_shard(client);
    CHECK(driver.refusal(client, early).code == EAGAIN);
    driver.on(ShardReclaimed{shard});
    driver.new_shard(client);
    CHECK(driver.only<PrepareShard>().spec.uid == config.shard.uid_first);
}

TEST_CASE("the quota holds over all connections of a uid and names its key") {
    Config config = Driver::no_pool();
    config.default_client.shards_max = 2;
    Driver driver(config);
    const ClientId one = driver.connect(1000);
    const ClientId two = driver.connect(1000);
    driver.new_shard(one);
    driver.run(two);
    const auto third = driver.new_shard(one);
    CHECK(driver.refusal(one, third).code == EDQUOT);
    CHECK(driver.refusal(one, third).sentence ==
          "shards: 3 asked, 2 allowed for uid 1000 by clients.default.shards_max");
    const ClientId other = driver.connect(1001);
    driver.new_shard(other);
    CHECK(driver.has<PrepareShard>());
}

TEST_CASE("a released shard is off the quota at once") {
    Config config = Driver::no_pool();
    config.default_client.shards_max = 1;
    Driver driver(config);
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    driver.request(client, ResourceRequest::Release{shard});
    driver.new_shard(client);
    CHECK(driver.has<PrepareShard>());
}

TEST_CASE("the host's shards are bounded over all uids, those on their way out too") {
    Config config = Driver::no_pool();
    config.supervisor.shards_max = 1;
    Driver driver(config);
    const ClientId client = driver.connect(1000);
    const ShardId shard = driver.ready_shard(client);
    driver.request(client, ResourceRequest::Release{shard});
    const ClientId other = driver.connect(1001);
    CHECK(driver.refusal(other, driver.new_shard(other)).code == EAGAIN);
    driver.on(ShardReclaimed{shard});
    driver.new_shard(other);
    CHECK(driver.has<PrepareShard>());
}

TEST_CASE("a shard that cannot be made answers with the reason and is cleaned up") {
    Driver driver;
    const ClientId client = driver.connect();
    const auto asked = driver.new_shard(client);
    const ShardId shard = driver.only<PrepareShard>().spec.id;
    driver.on(ShardFailed{shard, Error{ENOSPC, "create cgroup 'x': No space left on device"}});
    CHECK(driver.refusal(client, asked).code == ENOSPC);
    CHECK(driver.refusal(client, asked).sentence == "create cgroup 'x': No space left on device");
    CHECK(driver.comes_before<SendFrame, DestroyShard>());
    driver.on(ShardReclaimed{shard});
    CHECK(driver.has<RemoveSlice>());
    CHECK_FALSE(driver.has<SendFrame>());
}

TEST_CASE("a shard that is not ready in time fails") {
    Config config = Driver::no_pool();
    config.supervisor.launch_deadline = 100ms;
    Driver driver(config);
    const ClientId client = driver.connect();
    const auto asked = driver.new_shard(client);
    driver.pass(99ms);
    CHECK(driver.actions.empty());
    driver.pass(1ms);
    CHECK(driver.refusal(client, asked).code == ETIMEDOUT);
    CHECK(driver.has<DestroyShard>());
    // Coming ready after all changes nothing.
    driver.prepared(driver.only<DestroyShard>().shard);
    CHECK(driver.actions.empty());
}

TEST_CASE("a shard that dies is told to its owner, with the cause") {
    Driver driver;
    const ClientId client = driver.connect();
    const auto asked = driver.new_shard(client);
    const ShardId shard = driver.only<PrepareShard>().spec.id;
    driver.prepared(shard);
    driver.on(ShardDied{shard, shard::DeathCause::out_of_memory});
    const auto failed = driver.events(client, asked, AssignmentKind::failed);
    REQUIRE(failed.size() == 1);
    CHECK(failed[0].state == ShardState::failed);
    CHECK(failed[0].reason == "shard 1: its memory limit was reached");
    CHECK(driver.comes_before<SendFrame, DestroyShard>());
    driver.on(ShardReclaimed{shard});
    CHECK(driver.event_kinds(client, asked) == std::vector{AssignmentKind::reclaimed});
}

TEST_CASE("a release is done when nothing is left") {
    Driver driver;
    const ClientId client = driver.connect();
    const auto asked = driver.new_shard(client);
    const ShardId shard = driver.only<PrepareShard>().spec.id;
    driver.prepared(shard);
    const auto release = driver.request(client, ResourceRequest::Release{shard});
    CHECK(driver.only<DestroyShard>().shard == shard);
    CHECK_FALSE(driver.is_answered(client, release));
    CHECK(driver.event_kinds(client, asked) == std::vector{AssignmentKind::draining});
    driver.on(ReclaimFailed{shard, Error{EBUSY, "remove cgroup: Device or resource busy"}});
    CHECK_FALSE(driver.is_answered(client, release));
    driver.on(ShardReclaimed{shard});
    CHECK(driver.event_kinds(client, release) == std::vector{AssignmentKind::reclaimed});
    CHECK(driver.assignment(client, release).kind == AssignmentKind::done);
    CHECK(driver.event_kinds(client, asked) == std::vector{AssignmentKind::reclaimed});
}

TEST_CASE("a release of everything waits for everything, and of nothing is done at once") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId one = driver.ready_shard(client);
    const ShardId two = driver.ready_shard(client);
    const auto release = driver.request(client, ResourceRequest::Release{});
    CHECK(driver.all<DestroyShard>().size() == 2);
    driver.on(ShardReclaimed{two});
    CHECK_FALSE(driver.is_answered(client, release));
    driver.on(ShardReclaimed{one});
    CHECK(driver.assignment(client, release).kind == AssignmentKind::done);
    const auto again = driver.request(client, ResourceRequest::Release{});
    CHECK(driver.assignment(client, again).kind == AssignmentKind::done);
}

TEST_CASE("releasing a shard that is still made refuses the wish for it") {
    Driver driver;
    const ClientId client = driver.connect();
    const auto asked = driver.new_shard(client);
    driver.request(client, ResourceRequest::Release{});
    CHECK(driver.refusal(client, asked).code == ECANCELED);
}

TEST_CASE("a shard without programs is reclaimed after the idle timeout") {
    Config config = Driver::no_pool();
    config.shard.idle_timeout = 200ms;
    Driver driver(config);
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    driver.pass(150ms);
    const auto [same, program] = driver.running(client, shard);
    driver.pass(1000ms);
    CHECK_FALSE(driver.has<DestroyShard>());
    driver.exited(shard, program);
    driver.pass(199ms);
    CHECK_FALSE(driver.has<DestroyShard>());
    driver.pass(1ms);
    CHECK(driver.only<DestroyShard>().shard == shard);
}

TEST_CASE("another connection of the uid may act on a shard, other uids learn nothing of it") {
    Config config = Driver::no_pool();
    config.clients[1005].is_administrator = true;
    Driver driver(config);
    const ShardId shard = driver.ready_shard(driver.connect(1000));
    const ResourceRequest::Signal signal{shard, {}, 10};
    for (const uid_t uid : {1000U, 1005U, 0U}) {
        const ClientId client = driver.connect(uid);
        CHECK(driver.assignment(client, driver.request(client, signal)).kind ==
              AssignmentKind::done);
    }
    const ClientId other = driver.connect(1001);
    const ErrorReply foreign = driver.refusal(other, driver.request(other, signal));
    CHECK(foreign.code == ENOENT);
    const ResourceRequest::Signal nowhere{ShardId{99}, {}, 10};
    const ErrorReply unknown = driver.refusal(other, driver.request(other, nowhere));
    CHECK(unknown.code == ENOENT);
    CHECK(unknown.sentence ==
          "shard 99: uid 1001 has none of that number; a listing shows those "
          "it has");
    CHECK(foreign.sentence ==
          "shard 1: uid 1001 has none of that number; a listing shows those it "
          "has");
}

TEST_CASE("events of a shard that is gone change nothing") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    driver.request(client, ResourceRequest::Release{shard});
    driver.on(ShardReclaimed{shard});
    for (const Event& event :
         {Event(ShardPrepared{shard, 1, "", 0, {}}), Event(ShardFailed{shard, {EIO, "x"}}),
          Event(ShardDied{shard, shard::DeathCause::init_exited}), Event(ShardReclaimed{shard}),
          Event(ProgramExited{shard, ProgramId{1}, {}}), Event(LimitsApplied{shard, {}}),
          Event(ProgramFailed{shard, ProgramId{1}, {EIO, "x"}}),
          Event(ProgramStopped{shard, ProgramId{1}, 19}),
          Event(ProgramContinued{shard, ProgramId{1}}), Event(StatusMeasured{shard, 1, {}, {}})}) {
        driver.on(event);
        CHECK(driver.actions.empty());
    }
    driver.on(ProgramStarted{shard, ProgramId{1}, shard::FdToken{1}, shard::FdToken{2}, 5});
    CHECK(driver.all<DiscardFd>().size() == 2);
}

TEST_CASE("with 200 shards and nothing to do nobody is woken") {
    Config config;
    config.default_client.shards_max = 200;
    Driver driver(config);
    const ClientId client = driver.connect();
    for (int i = 0; i < 200; ++i) driver.new_shard(client);
    for (std::uint64_t id = 1; id <= 200; ++id) driver.prepared(ShardId{id});
    driver.pass(20ms);
    for (const PrepareShard& spare : driver.all<PrepareShard>()) driver.prepared(spare.spec.id);
    for (int i = 0; i < 100; ++i) {
        driver.pass(1000ms);
        for (const PrepareShard& spare : driver.all<PrepareShard>()) driver.prepared(spare.spec.id);
        for (const DestroyShard& spare : driver.all<DestroyShard>())
            driver.on(ShardReclaimed{spare.shard});
    }
    CHECK(driver.next_deadline() == std::nullopt);
}
