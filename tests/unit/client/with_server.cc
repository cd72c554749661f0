// Runs a program beside a real Server with a fake backend: `with_server PROGRAM`; the program gets
// the socket's path as its argument. Fails when the program does, or when it leaves anything.
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "../../support/fake_backend.h"
#include "supervisor/server.h"
#include "sys/pidfd.h"
#include "sys/real_clock.h"

namespace shardrun {
namespace {

struct World {
    World() { server.start(backend, 0); }
    static std::shared_ptr<const supervisor::Config> make_config(const std::string& path) {
        auto config = std::make_shared<supervisor::Config>();
        config->warm_pool.shards_max = 0;
        config->socket.path = path;
        config->socket.group = "";
        return config;
    }
    bool is_empty() const {
        return server.connection_count() == 0 && backend.shard_count() == 0 && fds.size() == 0;
    }

    std::string directory = [] {
        std::string name = std::filesystem::temp_directory_path() / "shardrun-test-XXXXXX";
        return std::string(::mkdtemp(name.data()));
    }();
    sys::RealClock clock;
    std::unique_ptr<sys::EventLoop> loop = *sys::EventLoop::create(clock);
    sys::FdTable fds;
    supervisor::Server server{make_config(directory + "/s.sock"), *loop, fds};
    test::FakeBackend backend{*loop, fds, server.listener()};
};

pid_t start(std::string program, std::string socket) {
    const std::array<char*, 3> argv{program.data(), socket.data(), nullptr};
    pid_t pid = 0;
    const int failed = ::posix_spawn(&pid, program.c_str(), nullptr, nullptr, argv.data(), environ);
    return failed == 0 ? pid : -1;
}

int serve_until_exit(World& world, pid_t pid) {
    int status = -1;
    const auto pidfd = sys::open_pidfd(pid);
    if (!pidfd) return 1;
    const auto ended = [&](std::uint32_t) {
        if (::waitpid(pid, &status, 0) == pid) world.loop->forget(pidfd->get());
    };
    if (!world.loop->watch(pidfd->get(), EPOLLIN, ended)) return 1;
    while (status == -1)
        if (!world.loop->run_once()) return 1;
    // What it left is seen and reclaimed within a few rounds, or it never is.
    for (int round = 0; round < 100 && !world.is_empty(); ++round)
        if (!world.loop->run_once(std::chrono::milliseconds{10})) return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int run(const std::string& program) {
    World world;
    int status = 1;
    if (const auto listening = world.server.listen(); !listening) {
        (void)std::fprintf(stderr, "%s\n", listening.error().message.c_str());
    } else if (const pid_t pid = start(program, world.directory + "/s.sock"); pid > 0) {
        status = serve_until_exit(world, pid);
    }
    std::puts(world.is_empty() ? "ok - the server has nothing left of its clients"
                               : "not ok - the server has nothing left of its clients");
    for (const std::string& broken : world.server.manager()->broken_invariants())
        std::printf("not ok - %s\n", broken.c_str());
    if (!world.is_empty() || !world.server.manager()->broken_invariants().empty()) status = 1;
    world.server.drain();
    std::filesystem::remove_all(world.directory);
    return status;
}

}  // namespace
}  // namespace shardrun

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    return shardrun::run(argv[1]);
}
