#include <doctest/doctest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "../../../support/fd_census.h"
#include "../../../support/server_world.h"

namespace shardrun::supervisor {
namespace {

using test::Farewell;
using test::read_farewell;
using test::ServerWorld;
using What = ResourceRequest;

std::vector<std::byte> encode(const Message& message, std::uint8_t fd_count = 0) {
    const Frame frame{static_cast<MessageType>(message.index() + 1), 0, 1, fd_count, message};
    return *proto::encode_frame(frame);
}

What run_of(const std::string& argv0) {
    What::Run run;
    run.program.argv = {argv0};
    return What{run};
}

void send_all(int socket, std::span<const std::byte> bytes, std::span<const int> fds = {}) {
    REQUIRE(sys::send_some(socket, bytes, fds) == bytes.size());
}

ErrorReply error_of(const Farewell& farewell) {
    REQUIRE(farewell.frames.size() == 1);
    REQUIRE(std::holds_alternative<ErrorReply>(farewell.frames.front().message));
    return std::get<ErrorReply>(farewell.frames.front().message);
}

TEST_CASE(
    "a malformed frame is answered with code, offset and sentence, then the connection ends") {
    ServerWorld world;
    Client other = world.connect_client();
    const UniqueFd bad = world.connect();
    std::vector<std::byte> bytes = encode(What{What::List{}});
    bytes[4] = std::byte{77};  // The version.
    send_all(bad.get(), bytes);
    world.settle();
    const Farewell farewell = read_farewell(bad.get());
    CHECK(farewell.is_closed);
    const ErrorReply error = error_of(farewell);
    CHECK(error.code == EPROTONOSUPPORT);
    CHECK(error.offset_bytes == 4);
    CHECK(error.sentence.find("version") != std::string::npos);
    CHECK(world.is_served(other));
    CHECK(world.server.connection_count() == 1);
}

TEST_CASE("a frame that only the manager sends is refused with the place of its flags") {
    ServerWorld world;
    const UniqueFd bad = world.connect();
    ShardAssignment assignment;
    Frame frame{MessageType::shard_assignment, std::to_underlying(FrameFlag::reply), 7, 0,
                assignment};
    send_all(bad.get(), *proto::encode_frame(frame));
    world.settle();
    const Farewell farewell = read_farewell(bad.get());
    CHECK(farewell.is_closed);
    CHECK(error_of(farewell).code == EPROTO);
    CHECK(error_of(farewell).offset_bytes == 6);
    world.check_empty();
}

TEST_CASE("an oversize frame is refused by its header, before its payload is waited for") {
    ServerWorld world;
    Client other = world.connect_client();
    const UniqueFd bad = world.connect();
    std::vector<std::byte> header(encode(What{What::List{}}));
    header.resize(16);
    header[2] = std::byte{0x20};  // 2 MiB.
    send_all(bad.get(), header);
    world.settle();
    const Farewell farewell = read_farewell(bad.get());
    CHECK(farewell.is_closed);
    CHECK(error_of(farewell).code == EMSGSIZE);
    CHECK(world.is_served(other));
}

TEST_CASE(
    "a frame that never becomes whole ends at its deadline, and others are served meanwhile") {
    ServerWorld world;
    Client other = world.connect_client();
    const UniqueFd stuck = world.connect();
    const std::vector<std::byte> bytes = encode(What{What::Session{"p"}});
    send_all(stuck.get(), std::span(bytes).first(9));
    world.settle();
    const auto deadline = world.config->supervisor.request_deadline;
    world.clock.advance(deadline - std::chrono::nanoseconds{1});
    // A trickle does not buy time.
    send_all(stuck.get(), std::span(bytes).subspan(9, 1));
    world.settle();
    CHECK(world.server.connection_count() == 2);
    CHECK(world.is_served(other));
    world.clock.advance(std::chrono::nanoseconds{1});
    world.settle();
    const Farewell farewell = read_farewell(stuck.get());
    CHECK(farewell.is_closed);
    CHECK(error_of(farewell).code == ETIMEDOUT);
    CHECK(world.server.connection_count() == 1);
}

TEST_CASE("a frame that becomes whole in time has no deadline any more") {
    ServerWorld world;
    const UniqueFd slow = world.connect();
    const std::vector<std::byte> bytes = encode(What{What::Session{"p"}});
    send_all(slow.get(), std::span(bytes).first(9));
    world.settle();
    send_all(slow.get(), std::span(bytes).subspan(9));
    world.settle();
    world.clock.advance(std::chrono::hours{1});
    world.settle();
    CHECK(world.server.connection_count() == 1);
    CHECK(read_farewell(slow.get()).frames.size() == 1);
}

TEST_CASE("a client that does not read stops being read, and is closed when nothing moves") {
    auto config = ServerWorld::default_config();
    config->supervisor.send_queue_max_kib = 64;
    ServerWorld world(config);
    Client other = world.connect_client();
    const UniqueFd slow = world.connect();
    const std::vector<std::byte> request = encode(What{What::List{ShardId{4711}}});
    std::size_t accepted = 0;
    for (bool is_taking = true; is_taking;) {
        std::size_t taken = 0;
        while (true) {
            const auto sent = sys::send_some(slow.get(), request);
            REQUIRE(sent);
            if (*sent < request.size()) break;
            taken += *sent;
        }
        accepted += taken;
        is_taking = taken > 0;
        world.settle();
    }
    // Reading has stopped, so the rest waits in the client's own socket: nothing grows here.
    CHECK(world.server.connection_count() == 2);
    CHECK(accepted < (std::size_t{16} << 20U));
    CHECK(world.is_served(other));
    world.clock.advance(world.config->supervisor.request_deadline);
    world.settle();
    CHECK(world.server.connection_count() == 1);
    CHECK(world.is_served(other));
}

TEST_CASE(
    "events that a client leaves unread end its connection at the bound, not the supervisor") {
    auto config = ServerWorld::default_config();
    config->supervisor.send_queue_max_kib = 4;
    ServerWorld world(config);
    Client deaf = world.connect_client();
    REQUIRE(world.ask(deaf, What{What::Subscribe{}}));
    Client busy = world.connect_client();
    int requests = 0;
    while (world.server.connection_count() == 2 && requests < 20'000) {
        ++requests;
        REQUIRE(world.ask(busy, What{What::NewShard{}}));
        REQUIRE(world.ask(busy, What{What::Release{}}));
        world.settle();
        while (*busy.try_receive()) continue;
    }
    CHECK(requests < 20'000);
    CHECK(world.server.connection_count() == 1);
    CHECK(world.is_served(busy));
}

TEST_CASE("a flood of requests delays another client by one frame of each, not by the flood") {
    ServerWorld world;
    const UniqueFd flooder = world.connect();
    Client other = world.connect_client();
    const std::vector<std::byte> request = encode(What{What::List{ShardId{4711}}});
    std::vector<std::byte> flood;
    for (int i = 0; i < 1000; ++i) flood.insert(flood.end(), request.begin(), request.end());
    send_all(flooder.get(), flood);
    REQUIRE(world.loop->run_once(std::chrono::nanoseconds{0}));
    REQUIRE(other.send(What{What::List{}}));
    int rounds = 0;
    while (!*other.try_receive()) {
        REQUIRE(++rounds < 10);
        REQUIRE(world.loop->run_once(std::chrono::nanoseconds{0}));
    }
    CHECK(read_farewell(flooder.get()).frames.size() < 20);
    world.settle();
    CHECK(world.server.connection_count() == 2);
}

TEST_CASE("descriptors that no frame announces are closed and so is the connection") {
    ServerWorld world;
    Client other = world.connect_client();
    const std::vector<std::byte> silent = encode(What{What::List{}});
    const std::vector<std::byte> announced = encode(run_of("true"), 3);
    const std::array<int, 3> three{STDERR_FILENO, STDERR_FILENO, STDERR_FILENO};
    const auto before = test::fd_census();
    const auto refused = [&](std::span<const std::byte> bytes, std::span<const int> fds) {
        const UniqueFd leaky = world.connect();
        send_all(leaky.get(), bytes, fds);
        world.settle();
        const Farewell farewell = read_farewell(leaky.get());
        CHECK(farewell.is_closed);
        CHECK(error_of(farewell).code == EPROTO);
        CHECK(world.fds.size() == 0);
    };
    refused(silent, three);
    refused(announced, std::span(three).first(2));
    refused(announced, {});
    CHECK(test::fd_census() == before);
    CHECK(world.is_served(other));
}

TEST_CASE("descriptors of a frame that never becomes whole are held until its deadline only") {
    ServerWorld world;
    const std::array<int, 3> three{STDERR_FILENO, STDERR_FILENO, STDERR_FILENO};
    const UniqueFd stuck = world.connect();
    const auto before = test::fd_census();
    const std::vector<std::byte> bytes = encode(run_of("true"), 3);
    send_all(stuck.get(), std::span(bytes).first(10), three);
    world.settle();
    CHECK(test::fd_census().size() == before.size() + 3);
    world.clock.advance(world.config->supervisor.request_deadline);
    world.settle();
    CHECK(error_of(read_farewell(stuck.get())).code == ETIMEDOUT);
    CHECK(test::fd_census().size() == before.size() - 1);
}

// Sends one byte with more descriptors than any frame may have.
void send_with_many(int socket, std::byte byte) {
    constexpr std::size_t kCount = 100;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kCount * sizeof(int))> control{};
    iovec part{&byte, 1};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(kCount * sizeof(int));
    std::array<int, kCount> fds{};
    fds.fill(STDERR_FILENO);
    std::memcpy(CMSG_DATA(header), fds.data(), sizeof fds);
    REQUIRE(::sendmsg(socket, &message, 0) == 1);
}

TEST_CASE("more descriptors at once than a frame may have are all closed and refused") {
    ServerWorld world;
    const auto before = test::fd_census();
    {
        const UniqueFd leaky = world.connect();
        send_with_many(leaky.get(), encode(What{What::List{}}).front());
        world.settle();
        const Farewell farewell = read_farewell(leaky.get());
        CHECK(farewell.is_closed);
        CHECK(error_of(farewell).code == EMSGSIZE);
    }
    world.check_empty();
    CHECK(test::fd_census() == before);
}

// One of each kind of request, with what comes before it on the same connection.
struct Dying {
    std::string name;
    std::vector<Message> before;
    Message last;
    std::uint8_t fd_count = 0;
};

std::vector<Dying> every_message() {
    ShardStatus status;
    status.shard = ShardId{1};
    status.reported_load = 5000;
    PrefetchRequest hint;
    hint.shard = ShardId{1};
    hint.name = "blob";
    return {{"Session", {}, What{What::Session{"profile"}}, 0},
            {"NewShard", {}, What{What::NewShard{}}, 0},
            {"Run", {}, run_of("sleep"), 3},
            {"Run in a shard", {What{What::NewShard{}}}, run_of("sleep"), 3},
            {"Signal", {run_of("sleep")}, What{What::Signal{ShardId{1}, ProgramId{1}, 9}}, 0},
            {"Release", {What{What::NewShard{}}}, What{What::Release{}}, 0},
            {"Resize", {What{What::NewShard{}}}, What{What::Resize{ShardId{1}, {}}}, 0},
            {"Subscribe", {}, What{What::Subscribe{}}, 0},
            {"List", {}, What{What::List{}}, 0},
            {"Blob", {}, What{What::Blob{"blob"}}, 0},
            {"ResourceAccess", {}, ResourceAccess{ShardId{1}, BlobKind::data, "blob"}, 0},
            {"ShardStatus", {}, status, 0},
            {"PrefetchRequest", {}, hint, 0}};
}

TEST_CASE("a client's death at any byte of any message leaves nothing behind") {
    ServerWorld world;
    Client other = world.connect_client();
    REQUIRE(world.is_served(other));
    const auto before = test::fd_census();
    const std::array<int, 3> stdio{STDERR_FILENO, STDERR_FILENO, STDERR_FILENO};
    for (const Dying& dying : every_message()) {
        CAPTURE(dying.name);
        const std::vector<std::byte> bytes = encode(dying.last, dying.fd_count);
        for (std::size_t size = 0; size <= bytes.size(); ++size) {
            CAPTURE(size);
            UniqueFd client = world.connect();
            for (const Message& message : dying.before) send_all(client.get(), encode(message));
            if (!dying.before.empty()) world.settle();
            const auto fds = std::span(stdio).first(dying.fd_count);
            if (size > 0) send_all(client.get(), std::span(bytes).first(size), fds);
            if (size % 2 == 0) world.settle();  // Read before the death, and only after it.
            client.reset();
            world.settle();
            REQUIRE(world.server.connection_count() == 1);
            REQUIRE(world.backend.shard_count() == 0);
            REQUIRE(world.fds.size() == 0);
        }
    }
    CHECK(test::fd_census() == before);
    CHECK(world.is_served(other));
}

}  // namespace
}  // namespace shardrun::supervisor
