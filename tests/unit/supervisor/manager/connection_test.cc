#include <cerrno>

#include "driver.h"

using namespace shardrun;
using namespace shardrun::supervisor;
using shard::FdToken;

TEST_CASE("whoever may not connect is told why and closed, and nothing it sends counts") {
    Config config = Driver::no_pool();
    config.clients[1000].may_connect = false;
    Driver driver(config);
    const ClientId client = driver.connect(1000);
    CHECK(driver.refusal(client, 0).code == EACCES);
    CHECK(driver.comes_before<SendFrame, CloseClient>());
    driver.run(client, {}, {FdToken{1}, FdToken{2}, FdToken{3}});
    CHECK(driver.all<DiscardFd>().size() == 3);
    CHECK_FALSE(driver.has<SendFrame>());
    CHECK_FALSE(driver.has<PrepareShard>());
    driver.leave(client);
    CHECK(driver.actions.empty());
}

TEST_CASE("a uid's connections are counted over all of them and come back with each end") {
    Config config = Driver::no_pool();
    config.default_client.connections_max = 2;
    Driver driver(config);
    const ClientId first = driver.connect(1000);
    driver.connect(1000);
    CHECK_FALSE(driver.has<CloseClient>());
    const ClientId third = driver.connect(1000);
    CHECK(driver.refusal(third, 0).code == EDQUOT);
    driver.leave(third);
    driver.connect(1001);  // Another uid is not concerned.
    CHECK_FALSE(driver.has<CloseClient>());
    driver.leave(first);
    driver.connect(1000);
    CHECK_FALSE(driver.has<CloseClient>());
}

TEST_CASE("the host's connections are bounded over all uids") {
    Config config = Driver::no_pool();
    config.supervisor.connections_max = 1;
    Driver driver(config);
    driver.connect(1000);
    CHECK(driver.refusal(driver.connect(1001), 0).code == EAGAIN);
}

TEST_CASE("a session names the profile, once and first") {
    Driver driver;
    const ClientId client = driver.connect();
    const auto opened =
        driver.assignment(client, driver.request(client, ResourceRequest::Session{"web"}));
    CHECK(opened.kind == AssignmentKind::session);
    CHECK(opened.profile == "web");
    const auto again = driver.request(client, ResourceRequest::Session{"other"});
    CHECK(driver.refusal(client, again).code == EINVAL);
    const ShardId shard = driver.ready_shard(client);
    const auto listed = driver.request(client, ResourceRequest::List{shard});
    CHECK(driver.assignment(client, listed).profile == "web");

    const ClientId late = driver.connect();
    driver.request(late, ResourceRequest::List{});
    const auto too_late = driver.request(late, ResourceRequest::Session{"web"});
    CHECK(driver.refusal(late, too_late).code == EINVAL);
}

TEST_CASE("a session's name is visible and short") {
    Driver driver;
    for (const std::string& name :
         {std::string(), std::string("a b"), std::string("a/b"), std::string("\x01"),
          std::string(129, 'a'), std::string("caf\xc3\xa9")}) {
        const ClientId client = driver.connect();
        const auto asked = driver.request(client, ResourceRequest::Session{name});
        CHECK(driver.refusal(client, asked).code == EINVAL);
        driver.leave(client);
    }
    const ClientId client = driver.connect();
    const auto asked = driver.request(client, ResourceRequest::Session{std::string(128, 'a')});
    CHECK(driver.assignment(client, asked).kind == AssignmentKind::session);
}

TEST_CASE("who sends what only the manager sends is told so and closed") {
    Driver driver;
    for (const Message& message : {Message(ShardAssignment{}), Message(PrefetchResponse{}),
                                   Message(ErrorReply{1, 0, "no"})}) {
        const ClientId client = driver.connect();
        const auto asked = driver.ask(client, message, {FdToken{9}});
        CHECK(driver.refusal(client, asked).code == EPROTO);
        CHECK(driver.only<CloseClient>().client == client);
        CHECK(driver.only<DiscardFd>().fd == FdToken{9});
        driver.leave(client);
    }
}

TEST_CASE("a request without a correlation id is refused and its sender closed") {
    Driver driver;
    const ClientId client = driver.connect();
    Frame frame;
    frame.message = ResourceRequest{ResourceRequest::List{}};
    driver.on(ClientFrame{client, frame, {}});
    CHECK(driver.refusal(client, 0).code == EPROTO);
    CHECK(driver.has<CloseClient>());
}

TEST_CASE("descriptors nobody asked for are discarded, once each") {
    Driver driver;
    const ClientId client = driver.connect();
    driver.request(client, ResourceRequest::List{}, {FdToken{1}, FdToken{2}});
    CHECK(driver.all<DiscardFd>().size() == 2);
    driver.leave(client);
    driver.run(client, {}, {FdToken{3}});
    CHECK(driver.only<DiscardFd>().fd == FdToken{3});
    CHECK_FALSE(driver.has<SendFrame>());
}

TEST_CASE("a client's end takes its shards, and nothing is left when they are reclaimed") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId kept = driver.ready_shard(client);
    driver.run(client);
    const ShardId preparing = driver.only<PrepareShard>().spec.id;
    driver.leave(client);
    CHECK(driver.all<DestroyShard>().size() == 2);
    CHECK_FALSE(driver.has<SendFrame>());
    driver.on(ShardReclaimed{kept});
    CHECK_FALSE(driver.has<RemoveSlice>());
    driver.on(ShardReclaimed{preparing});
    CHECK(driver.has<RemoveSlice>());
    CHECK(driver.next_deadline() == std::nullopt);
}

TEST_CASE("shards outlive their client for the linger, and programs in them too") {
    Config config = Driver::no_pool();
    config.shard.linger = 500ms;
    Driver driver(config);
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    driver.running(client, shard);
    driver.leave(client);
    CHECK(driver.actions.empty());
    driver.pass(499ms);
    CHECK_FALSE(driver.has<DestroyShard>());
    const ClientId other = driver.connect(1000);
    const auto listed = driver.request(other, ResourceRequest::List{});
    CHECK(driver.assignment(other, listed).shard == shard);
    driver.pass(1ms);
    CHECK(driver.only<DestroyShard>().shard == shard);
}

TEST_CASE("a program in another's shard ends with the client that started it") {
    Driver driver;
    const ClientId owner = driver.connect(1000);
    const ShardId shard = driver.ready_shard(owner);
    const ClientId guest = driver.connect(1000);
    const auto [same, program] = driver.running(guest, shard);
    driver.leave(guest);
    CHECK(driver.only<SignalProgram>().program == program);
    CHECK(driver.only<SignalProgram>().signal_number == 9);
    CHECK_FALSE(driver.has<DestroyShard>());
}

TEST_CASE("a program of a gone client that is yet to start is killed when it does") {
    Driver driver;
    const ShardId shard = driver.ready_shard(driver.connect(1000));
    const ClientId guest = driver.connect(1000);
    driver.run(guest, shard);
    const ProgramId program = driver.only<RunProgram>().program.id;
    driver.leave(guest);
    CHECK_FALSE(driver.has<SignalProgram>());
    driver.on(ProgramStarted{shard, program, FdToken{5}, {}, 1});
    CHECK(driver.only<DiscardFd>().fd == FdToken{5});
    CHECK(driver.only<SignalProgram>().signal_number == 9);
}
