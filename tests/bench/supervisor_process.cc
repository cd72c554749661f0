#include "bench/supervisor_process.h"

#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "cli/serve_here.h"

namespace shardrun::bench {
namespace {

/// It listens when all else is ready.
Result<void> await_ready(pid_t pid, const std::string& socket) {
    constexpr std::chrono::milliseconds kInterval{10};
    Result<Client> client = Client::connect(socket);
    for (unsigned i = 0; !client && i < 3000; ++i) {
        if (::waitpid(pid, nullptr, WNOHANG) == pid)
            return refuse(ECHILD, "it ended at once, for the reason above");
        std::this_thread::sleep_for(kInterval);
        client = Client::connect(socket);
    }
    if (!client) return std::unexpected(client.error());
    return {};
}

void write_config(const std::string& folder, const SupervisorKind& kind) {
    std::ofstream(folder + "/shardrun.toml") << fmt::format(
        "[socket]\npath = \"{}/socket\"\n"
        "[supervisor]\nlog_level = \"warning\"\n"
        "[cgroup]\nroot = \"{}\"\ncontrollers = \"best-effort\"\n"
        "[warm_pool]\nshards_max = {}\nshards_min = {}\n"
        "[clients.default]\nshards_max = 4096\nconnections_max = 1000\n",
        folder, kind.name, kind.warm_shards, kind.warm_shards);
}

/// Mounts like those of a host with many containers: each in its folder, seen by whoever copies the
/// mount namespace.
bool add_mounts(const std::string& folder, unsigned count) {
    if (count == 0) return true;
    if (::unshare(CLONE_NEWNS) != 0) return false;
    for (unsigned i = 0; i < count; ++i) {
        const std::string path = fmt::format("{}/mount-{}", folder, i);
        if (::mkdir(path.c_str(), 0755) != 0 ||
            ::mount("bench", path.c_str(), "tmpfs", 0, "size=4k") != 0)
            return false;
    }
    return true;
}

[[noreturn]] void become_supervisor(const std::string& shardrun, const std::string& folder,
                                    const SupervisorKind& kind) {
    const std::string config = folder + "/shardrun.toml";
    (void)::prctl(PR_SET_PDEATHSIG, SIGTERM);  // Whoever interrupts the benchmark ends it all.
    if (!add_mounts(folder, kind.extra_mounts)) ::_exit(126);
    if (kind.ballast_mib > 0) {
        const std::string mib = std::to_string(kind.ballast_mib);
        ::execl("/proc/self/exe", "bench-launch", "--serve-with-ballast", config.c_str(),
                mib.c_str(), nullptr);
    } else {
        ::execl(shardrun.c_str(), "shardrun", "serve", "--config", config.c_str(), nullptr);
    }
    ::_exit(127);
}

}  // namespace

Result<SupervisorProcess> SupervisorProcess::start(const std::string& shardrun,
                                                   const std::string& folder,
                                                   const SupervisorKind& kind) {
    const std::string own = folder + "/" + kind.name;
    if (::mkdir(own.c_str(), 0755) != 0) return fail_errno("create '{}'", own);
    write_config(own, kind);
    SupervisorProcess process;
    process.socket_ = own + "/socket";
    process.cgroup_ = "/sys/fs/cgroup/" + kind.name;
    process.pid_ = ::fork();
    if (process.pid_ < 0) return fail_errno("fork");
    if (process.pid_ == 0) become_supervisor(shardrun, own, kind);
    SR_DO(while_doing(await_ready(process.pid_, process.socket_), "start supervisor '{}'",
                      kind.name));
    return process;
}

SupervisorProcess::SupervisorProcess(SupervisorProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      socket_(std::move(other.socket_)),
      cgroup_(std::move(other.cgroup_)) {}

SupervisorProcess::~SupervisorProcess() {
    if (pid_ <= 0) return;
    (void)::kill(pid_, SIGTERM);
    (void)::waitpid(pid_, nullptr, 0);
}

int serve_with_ballast(const std::string& config, unsigned ballast_mib) {
    const std::size_t size = std::size_t{ballast_mib} << 20U;
    const std::vector<char> ballast(size, 1);  // Written, hence resident; held until the end.
    const auto no_trees = [](const supervisor::Config&, sys::EventLoop&) {
        return Result<std::unique_ptr<shard::TreeSource>>(nullptr);  // Programs of the host only.
    };
    return cli::serve_here({"--config", config}, no_trees);
}

}  // namespace shardrun::bench
