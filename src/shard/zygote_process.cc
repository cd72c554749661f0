#include "shard/zygote_process.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>

#include "base/fail.h"
#include "sys/sealed_memfd.h"
#include "sys/seqpacket.h"

namespace shardrun::shard {
namespace {

constexpr unsigned char kImage[] = {
#include "zygote_image.inc"
};

// Orders wait here while the zygote is busy; a launch is 168 bytes.
constexpr int kOrdersBufferBytes = 1024 * 1024;

/// Descriptors of the zygote: its control socket as number 3, the null device as stdio, nothing
/// else.
Result<pid_t> spawn(int program, int control) {
    posix_spawn_file_actions_t actions;
    (void)::posix_spawn_file_actions_init(&actions);  // Cannot fail in glibc.
    int failed = 0;
    for (int number = 0; number < 3 && failed == 0; ++number)
        failed = ::posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0);
    if (failed == 0)
        failed = ::posix_spawn_file_actions_adddup2(&actions, control, zygote::kControlFd);
    pid_t pid = 0;
    const std::string path = fmt::format("/proc/self/fd/{}", program);
    std::string name = "shardrun-zygote";
    std::array<char*, 2> argv{name.data(), nullptr};
    std::array<char*, 1> envp{nullptr};
    // posix_spawn shares memory until the exec: its cost does not grow with what the supervisor
    // holds.
    if (failed == 0)
        failed = ::posix_spawn(&pid, path.c_str(), &actions, nullptr, argv.data(), envp.data());
    (void)::posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) return fail(failed, "start the zygote");
    return pid;
}

/// Away from number 3, which the child needs for itself.
Result<sys::UniqueFd> move_above_stdio(sys::UniqueFd fd) {
    sys::UniqueFd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 16));
    if (!moved) return fail_errno("duplicate a descriptor");
    return moved;
}

}  // namespace

Result<ZygoteProcess> ZygoteProcess::start(std::span<const std::byte> plan) {
    SR_TRY(sys::UniqueFd image,
           sys::make_sealed_memfd("shardrun-zygote", std::as_bytes(std::span(kImage)),
                                  sys::MemfdUse::program));
    SR_TRY(sys::UniqueFd program, move_above_stdio(std::move(image)));
    SR_TRY(sys::PacketPair pair, sys::make_packet_pair());
    // Without the privilege for a larger buffer the default one serves, and EAGAIN comes sooner.
    (void)::setsockopt(pair.own.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kOrdersBufferBytes,
                       sizeof(kOrdersBufferBytes));
    SR_TRY(sys::UniqueFd peer, move_above_stdio(std::move(pair.peer)));
    SR_TRY(const pid_t pid, spawn(program.get(), peer.get()));
    ZygoteProcess process(std::move(pair.own), pid);
    const zygote::PlanOrder order{zygote::Order::plan, static_cast<std::uint32_t>(plan.size())};
    const std::array<std::span<const std::byte>, 2> parts{sys::bytes_of(order), plan};
    SR_DO(while_doing(sys::send_packet(process.fd(), parts), "send the zygote its plan"));
    return process;
}

ZygoteProcess& ZygoteProcess::operator=(ZygoteProcess&& other) noexcept {
    end();
    control_ = std::move(other.control_);
    pid_ = std::exchange(other.pid_, 0);
    return *this;
}

ZygoteProcess::~ZygoteProcess() {
    end();
}

void ZygoteProcess::end() {
    if (pid_ == 0) return;
    control_.reset();  // It sees the end of the socket and exits; shards already born go on.
    (void)::waitpid(std::exchange(pid_, 0), nullptr, 0);
}

Result<void> ZygoteProcess::send_filter(std::uint32_t id,
                                        std::span<const sock_filter> program) const {
    SR_TRY(const sys::UniqueFd memfd,
           sys::make_sealed_memfd("shardrun-filter", std::as_bytes(program), sys::MemfdUse::data));
    const zygote::FilterOrder order{zygote::Order::filter, id,
                                    static_cast<std::uint32_t>(program.size())};
    const std::array<std::span<const std::byte>, 1> parts{sys::bytes_of(order)};
    const std::array<int, 1> fds{memfd.get()};
    return while_doing(sys::send_packet(control_.get(), parts, fds),
                       "give the zygote a seccomp filter");
}

Result<void> ZygoteProcess::launch(const zygote::LaunchOrder& order,
                                   std::span<const int> fds) const {
    const std::array<std::span<const std::byte>, 1> parts{sys::bytes_of(order)};
    return while_doing(sys::send_packet(control_.get(), parts, fds),
                       "order a launch from the zygote");
}

Result<std::optional<ZygoteProcess::Outcome>> ZygoteProcess::next_outcome() const {
    SR_TRY(sys::Packet packet, sys::receive_packet(control_.get(), sizeof(zygote::ZygoteReply)));
    if (packet.is_empty) return std::optional<Outcome>{};
    const auto* reply = sys::as_value<zygote::ZygoteReply>(packet);
    if (packet.is_end || reply == nullptr) return refuse(EPIPE, "the zygote is gone");
    Outcome outcome{reply->sequence, reply->pid, {}, reply->failure};
    if (!packet.fds.empty()) outcome.pidfd = std::move(packet.fds.front());
    return std::optional<Outcome>(std::move(outcome));
}

}  // namespace shardrun::shard
