#include "client/frame_channel.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "../../support/fd_census.h"
#include "shardrun/client.h"
#include "sys/unix_socket.h"

namespace shardrun {
namespace {

using namespace std::chrono_literals;
using client::FrameChannel;
using What = ResourceRequest;

// A Client and the supervisor's end of its connection, played by the test.
struct World {
    World() {
        auto pair = *sys::make_socket_pair();
        client.emplace(*Client::adopt(std::move(pair.first)));
        channel.emplace(std::move(pair.second));
    }

    // The next request that the client has sent.
    Frame request() {
        while (true) {
            auto next = channel->next();
            REQUIRE(next);
            if (*next) return (*next)->frame;
            REQUIRE(*channel->fill() == FrameChannel::Fill::bytes);
        }
    }

    void say(std::uint64_t correlation, FrameFlag flag, const Message& message,
             std::vector<UniqueFd> fds = {}) {
        const Frame frame{MessageType::shard_assignment, std::to_underlying(flag), correlation,
                          static_cast<std::uint8_t>(fds.size()), message};
        REQUIRE(channel->push(frame, std::move(fds)));
        REQUIRE(channel->flush());
    }

    static ShardAssignment told(AssignmentKind kind) {
        ShardAssignment assignment;
        assignment.kind = kind;
        return assignment;
    }

    std::optional<Client> client;
    std::optional<FrameChannel> channel;
};

Message error_of(std::uint32_t code, const std::string& sentence) {
    return ErrorReply{code, 0, sentence};
}

TEST_CASE("a reply is told from events, which wait in order for whoever asks for them") {
    World world;
    const std::uint64_t asked = *world.client->send(What{What::Release{}});
    world.say(5, FrameFlag::event, World::told(AssignmentKind::draining));
    world.say(6, FrameFlag::event, World::told(AssignmentKind::reclaimed));
    world.say(asked, FrameFlag::reply, World::told(AssignmentKind::done));
    const auto reply = world.client->await_reply(asked);
    REQUIRE(reply);
    CHECK(reply->assignment()->kind == AssignmentKind::done);
    CHECK(world.client->next_event(6)->assignment()->kind == AssignmentKind::reclaimed);
    CHECK(world.client->next_event(0)->assignment()->kind == AssignmentKind::draining);
    CHECK(world.client->next_event(0, 0ms).error().code == ETIMEDOUT);
}

TEST_CASE("an error reply becomes the call's Error, code and sentence") {
    World world;
    const std::uint64_t asked = *world.client->send(What{What::Session{"p"}});
    world.say(asked, FrameFlag{3}, error_of(EACCES, "uid 7 may not"));
    const auto reply = world.client->await_reply(asked);
    CHECK(reply.error() == Error{EACCES, "uid 7 may not"});
    CHECK(world.client->is_open());
}

TEST_CASE("a reply that comes after its call gave up is dropped, the connection goes on") {
    World world;
    const auto late = world.client->request(What{What::List{}}, {}, 0ms);
    CHECK(late.error().code == ETIMEDOUT);
    const std::uint64_t first = world.request().correlation;
    world.say(first, FrameFlag::reply, World::told(AssignmentKind::listed));
    const std::uint64_t second = *world.client->send(What{What::Release{}});
    world.say(second, FrameFlag::reply, World::told(AssignmentKind::done));
    CHECK(world.client->receive()->frame.correlation == second);
}

TEST_CASE("why the supervisor closes is read before the end is met, even by a blocked writer") {
    World world;
    world.say(0, FrameFlag::error, error_of(ETIMEDOUT, "a frame began and was not whole"));
    world.channel.reset();
    // Whatever is sent now meets EPIPE; the sentence is what counts.
    const auto reply = world.client->request(What{What::List{}});
    CHECK(reply.error() == Error{ETIMEDOUT, "a frame began and was not whole"});
    CHECK(world.client->request(What{What::List{}}).error().code == EPIPE);
    CHECK_FALSE(world.client->is_open());
    CHECK(world.client->send(What{What::List{}}).error().code == EPIPE);
}

TEST_CASE("garbage from the supervisor ends the connection with EPROTO") {
    World world;
    const std::vector<std::byte> garbage(64, std::byte{0xff});
    REQUIRE(sys::send_some(world.channel->fd(), garbage));
    const auto received = world.client->receive(1s);
    REQUIRE_FALSE(received);
    CHECK(received.error().code != ETIMEDOUT);
    CHECK_FALSE(world.client->is_open());
}

TEST_CASE("descriptors are taken by role, once, and the rest closed with the frame") {
    World world;
    const auto before = test::fd_census();
    {
        ShardAssignment started = World::told(AssignmentKind::started);
        started.fds = {FdRole::pidfd, FdRole::terminal};
        std::vector<UniqueFd> fds;
        fds.emplace_back(::dup(STDERR_FILENO));
        fds.emplace_back(::dup(STDERR_FILENO));
        world.say(1, FrameFlag::event, started, std::move(fds));
        auto received = world.client->receive();
        REQUIRE(received);
        CHECK_FALSE(received->take_fd(FdRole::tmpfs));
        CHECK(received->take_fd(FdRole::terminal));
        CHECK_FALSE(received->take_fd(FdRole::terminal));
    }
    CHECK(test::fd_census() == before);
}

TEST_CASE("what the socket does not take is queued with its own copies of descriptors") {
    World world;
    What::Run run;
    run.program.argv = {"p", std::string(60'000, 'x')};
    int sent = 0;
    while (!world.client->wants_write()) {
        const UniqueFd a(::dup(STDERR_FILENO));  // Closed before the queue is written.
        const std::array<int, 3> stdio{a.get(), a.get(), a.get()};
        REQUIRE(world.client->send(What{run}, stdio));
        REQUIRE(++sent < 1000);
    }
    for (int i = 0; i < sent;) {
        auto next = world.channel->next();
        REQUIRE(next);
        if (*next) {
            CHECK((*next)->fds.size() == 3);
            ++i;
            continue;
        }
        REQUIRE(world.channel->fill());
        REQUIRE(world.client->flush());
    }
    CHECK_FALSE(world.client->wants_write());
}

TEST_CASE("what no frame can carry is refused before anything is sent") {
    World world;
    const std::array<int, 9> nine{2, 2, 2, 2, 2, 2, 2, 2, 2};
    CHECK(world.client->send(What{What::List{}}, nine).error().code == E2BIG);
    CHECK(world.client->send(ErrorReply{1, 0, "x"}).error().code == EINVAL);
    CHECK(world.client->send(What{What::Session{std::string(5000, 'x')}}).error().code == EPROTO);
    const std::array<int, 3> closed{-1, -1, -1};
    What::Run run;
    run.program.argv = {"p"};
    CHECK(world.client->send(What{run}, closed).error().code == EBADF);
    CHECK(*world.channel->fill() == FrameChannel::Fill::nothing);
}

TEST_CASE("a hint waits for nothing, and whatever answers it is dropped") {
    World world;
    PrefetchRequest hint;
    hint.name = "blob";
    REQUIRE(world.client->hint(hint));
    const Frame sent = world.request();
    world.say(sent.correlation, FrameFlag::reply, World::told(AssignmentKind::done));
    CHECK(world.client->receive(0ms).error().code == ETIMEDOUT);
}

TEST_CASE("events that nobody fetches are bounded: the oldest goes first") {
    World world;
    for (std::uint64_t i = 1; i <= 16384 + 1;) {
        const std::uint64_t asked = *world.client->send(What{What::Release{}});
        for (int n = 0; n < 100 && i <= 16384 + 1; ++n, ++i)
            world.say(i + 1'000'000, FrameFlag::event, World::told(AssignmentKind::draining));
        world.say(asked, FrameFlag::reply, World::told(AssignmentKind::done));
        REQUIRE(world.client->await_reply(asked));
        while (world.channel->next()->has_value() ||
               *world.channel->fill() == FrameChannel::Fill::bytes)
            continue;
    }
    CHECK(world.client->next_event()->frame.correlation == 1'000'002);
}

}  // namespace
}  // namespace shardrun
