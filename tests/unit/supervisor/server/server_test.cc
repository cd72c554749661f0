#include "supervisor/server.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "../../../support/fd_census.h"
#include "../../../support/server_world.h"
#include "../../../support/temp_dir.h"
#include "supervisor/action_order.h"

namespace shardrun::supervisor {
namespace {

using test::ServerWorld;
using What = ResourceRequest;

What run_of(const std::string& argv0) {
    What::Run run;
    run.program.argv = {argv0};
    return What{run};
}

AssignmentKind kind_of(const std::optional<ReceivedFrame>& received) {
    REQUIRE(received);
    REQUIRE(received->assignment() != nullptr);
    return received->assignment()->kind;
}

TEST_CASE("a program's life is told in order and ends with an empty table") {
    ServerWorld world;
    const auto before = test::fd_census();
    {
        Client client = world.connect_client();
        What::Run run;
        run.program.argv = {"true"};
        run.program.wants_pidfd = true;
        auto started = world.ask(client, What{run});
        CHECK(kind_of(started) == AssignmentKind::started);
        CHECK(started->take_fd(FdRole::pidfd));
        CHECK_FALSE(started->take_fd(FdRole::terminal));
        CHECK(kind_of(world.answer_to(client)) == AssignmentKind::exited);
    }
    world.check_empty();
    CHECK(test::fd_census() == before);
}

TEST_CASE("what a client leaves running goes with it") {
    ServerWorld world;
    {
        Client client = world.connect_client();
        CHECK(kind_of(world.ask(client, run_of("sleep"))) == AssignmentKind::started);
        CHECK(world.backend.shard_count() == 1);
    }
    world.check_empty();
}

TEST_CASE("an idle server has nothing to wake up for but the manager's own time") {
    ServerWorld world;
    Client client = world.connect_client();
    CHECK(kind_of(world.ask(client, What{What::NewShard{}})) == AssignmentKind::assigned);
    world.settle();
    CHECK(world.loop->timer_count() == (world.server.manager()->next_deadline() ? 1 : 0));
}

TEST_CASE("200 clients over the listening socket are all served, and no more than may connect") {
    const test::TempDir dir;
    auto config = ServerWorld::default_config();
    config->socket.path = dir.path("s.sock");
    config->socket.group = "";
    config->supervisor.connections_max = 200;
    const auto before = test::fd_census();
    {
        ServerWorld world(config);
        REQUIRE(world.server.listen());
        std::vector<Client> clients;
        while (clients.size() < 200) {
            auto client = Client::connect(config->socket.path);
            if (client) {
                clients.push_back(*std::move(client));
                continue;
            }
            REQUIRE(client.error().code == EAGAIN);  // The backlog is full.
            world.settle();
        }
        world.settle();
        for (Client& client : clients) REQUIRE(world.is_served(client));
        CHECK(world.server.connection_count() == 200);
        Client late = *Client::connect(config->socket.path);
        const auto answer = world.answer_to(late);
        REQUIRE(answer);
        CHECK(answer->is_error());
        CHECK_FALSE(world.answer_to(late));
        CHECK_FALSE(late.is_open());
        clients.clear();
        world.check_empty();
    }
    CHECK(test::fd_census() == before);
}

TEST_CASE("whoever waits in the backlog is let in when somebody goes") {
    const test::TempDir dir;
    auto config = ServerWorld::default_config();
    config->socket.path = dir.path("s.sock");
    config->socket.group = "";
    ServerWorld world(config);
    REQUIRE(world.server.listen());
    // 1024 may connect and 64 more may be told that it is full.
    auto small = std::make_shared<Config>(*config);
    small->supervisor.connections_max = 0;
    world.server.reload(small);
    world.settle();
    std::vector<UniqueFd> mute;
    for (int i = 0; i < 64; ++i) {
        mute.push_back(*sys::connect_unix(config->socket.path));
        world.settle();
    }
    CHECK(world.server.connection_count() <= 64);
    mute.clear();
    world.server.reload(config);
    Client client = *Client::connect(config->socket.path);
    world.settle();
    CHECK(world.is_served(client));
}

TEST_CASE("SIGTERM drains: programs end, the socket goes, and the loop says so") {
    const test::TempDir dir;
    auto config = ServerWorld::default_config();
    config->socket.path = dir.path("s.sock");
    config->socket.group = "";
    ServerWorld world(config);
    REQUIRE(world.server.listen());
    REQUIRE(world.server.handle_signals({}));
    Client client = world.connect_client();
    CHECK(kind_of(world.ask(client, run_of("sleep"))) == AssignmentKind::started);
    REQUIRE(::raise(SIGTERM) == 0);
    world.settle();
    CHECK(Client::connect(config->socket.path).error().code == ENOENT);
    world.clock.advance(config->supervisor.drain_deadline);
    REQUIRE(world.server.run());
    CHECK(world.server.is_finished());
    CHECK(world.backend.shard_count() == 0);
}

TEST_CASE("a second SIGTERM makes an end at once") {
    ServerWorld world;
    REQUIRE(world.server.handle_signals({}));
    Client client = world.connect_client();
    CHECK(kind_of(world.ask(client, run_of("stubborn"))) == AssignmentKind::started);
    REQUIRE(::raise(SIGTERM) == 0);
    world.settle();
    CHECK(world.backend.shard_count() == 1);
    REQUIRE(::raise(SIGTERM) == 0);
    REQUIRE(world.server.run());
    CHECK(world.server.is_finished());
    CHECK(world.backend.shard_count() == 0);
}

TEST_CASE("a store that a new configuration names is not in use before the next start") {
    auto without = std::make_shared<Config>(*ServerWorld::default_config());
    without->store.path = "";
    ServerWorld world(without);
    Client client = world.connect_client();
    auto with = std::make_shared<Config>(*without);
    with->store.path = "/var/lib/shardrun";
    world.server.reload(with);
    world.settle();
    ResourceRequest::NewShard wish;
    wish.options.image = "debian";
    const auto answer = world.ask(client, ResourceRequest{wish});
    REQUIRE(answer);
    REQUIRE(answer->is_error());
    CHECK(std::get<ErrorReply>(answer->frame.message).sentence.find("store.path names no store") !=
          std::string::npos);
}

TEST_CASE("SIGHUP loads the configuration again, and a broken one changes nothing") {
    ServerWorld world;
    int loads = 0;
    Result<std::shared_ptr<const Config>> next = fail(EINVAL, "shardrun.toml:1: x");
    REQUIRE(world.server.handle_signals([&] {
        ++loads;
        return next;
    }));
    REQUIRE(::raise(SIGHUP) == 0);
    world.settle();
    CHECK(loads == 1);
    Client client = world.connect_client();
    CHECK(world.is_served(client));
    auto closed = std::make_shared<Config>(*ServerWorld::default_config());
    closed->default_client.may_connect = false;
    closed->clients[::getuid()].may_connect = false;
    next = std::shared_ptr<const Config>(closed);
    REQUIRE(::raise(SIGHUP) == 0);
    world.settle();
    CHECK(loads == 2);
}

TEST_CASE("programs of ready shards start before frames are sent, and all else comes after") {
    shard::ShardSpec fresh;
    fresh.id = ShardId{2};
    std::vector<Action> actions;
    actions.emplace_back(PrepareShard{fresh});
    actions.emplace_back(RunProgram{ShardId{2}, {}});
    actions.emplace_back(SendFrame{ClientId{1}, {}, {}});
    actions.emplace_back(RunProgram{ShardId{1}, {}});
    actions.emplace_back(DestroyShard{ShardId{3}});
    actions.emplace_back(SendFrame{ClientId{2}, {}, {}});
    const auto ordered = order_actions(actions);
    std::vector<std::size_t> kinds;
    for (const Action& action : ordered) kinds.push_back(action.index());
    CHECK(kinds ==
          std::vector<std::size_t>{Action(RunProgram{}).index(), Action(SendFrame{}).index(),
                                   Action(SendFrame{}).index(), Action(PrepareShard{}).index(),
                                   Action(RunProgram{}).index(), Action(DestroyShard{}).index()});
    CHECK(std::get<RunProgram>(ordered[0]).shard == ShardId{1});
    CHECK(std::get<SendFrame>(ordered[1]).client == ClientId{1});
}

}  // namespace
}  // namespace shardrun::supervisor
