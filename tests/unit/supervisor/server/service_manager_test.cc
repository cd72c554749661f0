#include "supervisor/service_manager.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <string>

#include "../../../support/server_world.h"
#include "../../../support/temp_dir.h"
#include "sys/unix_listener.h"

namespace shardrun::supervisor {
namespace {

// In a child, since the environment and descriptor 3 are a process's own.
bool holds_in_child(const std::function<bool()>& claim) {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        try {
            ::_exit(claim() ? 0 : 1);
        } catch (...) {
            ::_exit(2);  // A REQUIRE that failed.
        }
    }
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void set(const char* name, const std::string& value) {
    REQUIRE(::setenv(name, value.c_str(), 1) == 0);
}

// What systemd listens with.
UniqueFd make_notify_socket(const std::string& path) {
    UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return socket;
}

std::string next_message(const UniqueFd& socket) {
    std::array<char, 256> text{};
    const ssize_t size = ::recv(socket.get(), text.data(), text.size(), 0);
    return size < 0 ? "" : std::string(text.data(), static_cast<std::size_t>(size));
}

TEST_CASE("without systemd nothing is loaded, passed or expected") {
    auto service = ServiceManager::load();
    REQUIRE(service);
    CHECK(service->take_sockets()->empty());
    CHECK_FALSE(service->watchdog_interval());
    service->notify_ready();
}

TEST_CASE("systemd is told when the server is ready, alive, reloading and stopping") {
    const test::TempDir dir;
    const UniqueFd socket = make_notify_socket(dir.path("notify"));
    CHECK(holds_in_child([&] {
        set("NOTIFY_SOCKET", dir.path("notify"));
        set("WATCHDOG_USEC", "10000000");
        auto config = test::ServerWorld::default_config();
        config->socket.path = dir.path("s.sock");
        config->socket.group = "";
        test::ServerWorld world(config);
        REQUIRE(world.server.listen(*ServiceManager::load()));
        if (next_message(socket).find("READY=1") == std::string::npos) return false;
        if (next_message(socket) != "WATCHDOG=1") return false;
        world.settle();
        if (!next_message(socket).empty()) return false;
        world.clock.advance(std::chrono::seconds{5});
        world.settle();
        if (next_message(socket) != "WATCHDOG=1") return false;
        REQUIRE(world.server.handle_signals({}));
        REQUIRE(::raise(SIGHUP) == 0);
        world.settle();
        if (next_message(socket).find("RELOADING=1\nMONOTONIC_USEC=") != 0) return false;
        if (next_message(socket).find("READY=1") == std::string::npos) return false;
        world.server.drain();
        return next_message(socket).find("STOPPING=1") == 0;
    }));
}

TEST_CASE("a socket that systemd passes is served instead of the configured one") {
    const test::TempDir dir;
    const auto listener = sys::UnixListener::listen({.path = dir.path("passed.sock")});
    REQUIRE(listener);
    CHECK(holds_in_child([&] {
        REQUIRE(::dup2(listener->fd(), 3) == 3);
        set("LISTEN_FDS", "1");
        set("LISTEN_PID", std::to_string(::getpid()));
        auto config = test::ServerWorld::default_config();
        config->socket.path = dir.path("configured.sock");
        test::ServerWorld world(config);
        REQUIRE(world.server.listen(*ServiceManager::load()));
        Client client = *Client::connect(dir.path("passed.sock"));
        return world.is_served(client) && ::getenv("LISTEN_FDS") == nullptr &&
               (::fcntl(3, F_GETFD) & FD_CLOEXEC) != 0 &&
               Client::connect(config->socket.path).error().code == ENOENT;
    }));
}

TEST_CASE("a passed descriptor that cannot be served is refused with the remedy") {
    CHECK(holds_in_child([] {
        const auto pair = *sys::make_socket_pair();
        REQUIRE(::dup2(pair.first.get(), 3) == 3);
        set("LISTEN_FDS", "1");
        set("LISTEN_PID", std::to_string(::getpid()));
        test::ServerWorld world;
        const auto listening = world.server.listen(*ServiceManager::load());
        return !listening && listening.error().code == EINVAL &&
               listening.error().message.find("ListenStream=") != std::string::npos;
    }));
}

}  // namespace
}  // namespace shardrun::supervisor
