#pragma once

#include <doctest/doctest.h>
#include <poll.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fake_backend.h"
#include "manual_clock.h"
#include "proto/frame.h"
#include "proto/frame_decoder.h"
#include "shardrun/client.h"
#include "supervisor/server.h"
#include "sys/event_loop.h"
#include "sys/fd_table.h"
#include "sys/unix_socket.h"

namespace shardrun::test {

/// A real Server on real sockets over a fake backend, on time that passes only when told. No warm
/// pool, unless a test asks for one: then nothing is left when the clients are gone.
struct ServerWorld {
    static std::shared_ptr<supervisor::Config> default_config() {
        auto config = std::make_shared<supervisor::Config>();
        config->warm_pool.shards_max = 0;
        config->supervisor.connections_max = 1024;
        config->default_client.connections_max = 1024;
        return config;
    }

    explicit ServerWorld(std::shared_ptr<const supervisor::Config> the_config = default_config())
        : config(std::move(the_config)) {
        server.start(backend, 0);
    }

    /// A socket whose other end is a client's.
    UniqueFd connect() {
        auto pair = *sys::make_socket_pair();
        REQUIRE(server.adopt_connection(std::move(pair.first)));
        return std::move(pair.second);
    }

    Client connect_client() { return *Client::adopt(connect()); }

    /// Rounds until nothing is left to do without time passing.
    void settle() {
        int idle = 0;
        for (int rounds = 0; idle < 2; ++rounds) {
            REQUIRE(rounds < 100'000);
            const auto ran = loop->run_once(std::chrono::nanoseconds{0});
            REQUIRE(ran);
            idle = *ran == 0 && !loop->is_hurried() ? idle + 1 : 0;
        }
        CHECK(server.manager()->broken_invariants() == std::vector<std::string>{});
    }

    /// Lets the server work until `client` has a frame; none when the server is done without one.
    std::optional<ReceivedFrame> answer_to(Client& client) {
        for (int round = 0; round < 1000; ++round) {
            auto received = client.try_receive();
            if (!received) return std::nullopt;
            if (*received) return *std::move(received);
            REQUIRE(client.flush());
            REQUIRE(loop->run_once(std::chrono::nanoseconds{0}));
        }
        return std::nullopt;
    }

    /// One request and its answer, error frames too.
    std::optional<ReceivedFrame> ask(Client& client, const Message& message,
                                     std::span<const int> sent_fds = {}) {
        REQUIRE(client.send(message, sent_fds));
        return answer_to(client);
    }

    bool is_served(Client& client) {
        const auto answer = ask(client, ResourceRequest{ResourceRequest::List{}});
        return answer && answer->is_reply() && !answer->is_error();
    }

    /// Nothing of any client is left.
    void check_empty() {
        settle();
        CHECK(server.connection_count() == 0);
        CHECK(backend.shard_count() == 0);
        CHECK(fds.size() == 0);
    }

    std::shared_ptr<const supervisor::Config> config;
    ManualClock clock;
    std::unique_ptr<sys::EventLoop> loop = *sys::EventLoop::create(clock);
    sys::FdTable fds;
    supervisor::Server server{config, *loop, fds};
    FakeBackend backend{*loop, fds, server.listener()};
};

/// What the peer of a closed or refusing server can still read of it: all frames up to the end.
struct Farewell {
    std::vector<Frame> frames;
    bool is_closed = false;
};

inline Farewell read_farewell(int socket) {
    Farewell farewell;
    proto::FrameDecoder decoder;
    std::vector<std::byte> buffer(std::size_t{1} << 16U);
    while (true) {
        const auto received = sys::receive_some(socket, buffer);
        farewell.is_closed = !received || received->is_end;
        if (!received || received->size_bytes == 0) return farewell;
        std::span<const std::byte> rest(buffer.data(), received->size_bytes);
        while (true) {
            auto frame = decoder.next(rest);
            REQUIRE(frame);
            if (!*frame) break;
            farewell.frames.push_back((*frame)->frame);
        }
    }
}

}  // namespace shardrun::test
