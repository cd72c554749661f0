#include "shard/zygote_process.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
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
constexpr std::size_t kBirthStackSize = std::size_t{16} * 1024;

/// Away from the numbers up to 3, which the child needs for itself.
Result<sys::UniqueFd> move_above_stdio(sys::UniqueFd fd) {
    sys::UniqueFd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 16));
    if (!moved) return fail_errno("duplicate a descriptor");
    return moved;
}

Result<sys::UniqueFd> open_null_device() {
    sys::UniqueFd fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!fd) return fail_errno("open '/dev/null'");
    return move_above_stdio(std::move(fd));
}

/// Where parent and child run until the zygote is at work. A wake-up likes to bring the sleeper to
/// the waker's processor, where the two would take turns while another one idles.
Placement place_apart() {
    Placement place;
    const int here = ::sched_getcpu();
    cpu_set_t& allowed = place.allowed;
    if (here < 0 || ::sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return place;
    CPU_SET(static_cast<unsigned>(here), &place.here);
    CPU_XOR(&place.elsewhere, &allowed, &place.here);
    place.is_apart = CPU_ISSET(static_cast<unsigned>(here), &allowed) && CPU_COUNT(&allowed) > 1;
    return place;
}

void pin(pid_t pid, const cpu_set_t& processors) {
    (void)::sched_setaffinity(pid, sizeof(processors), &processors);  // Only the speed hangs on it.
}

struct Birth {
    int program;
    int control;
    int null_device;
    Placement place;
    int failed = 0;  ///< errno of the exec, written by the child
};

/// In the child, whose memory is still the parent's: nothing but system calls. Signals stay
/// blocked; the zygote sees to its own.
int become_zygote(void* argument) {
    auto& birth = *static_cast<Birth*>(argument);
    if (birth.place.is_apart) pin(0, birth.place.elsewhere);
    for (int number = 0; number < 3; ++number) (void)::dup2(birth.null_device, number);
    (void)::dup2(birth.control, zygote::kControlFd);
    std::array<char, 16> name{"shardrun-zygote"};
    std::array<char*, 2> argv{name.data(), nullptr};
    std::array<char*, 1> envp{nullptr};
    (void)::execveat(birth.program, "", argv.data(), envp.data(), AT_EMPTY_PATH);
    birth.failed = errno;
    ::_exit(127);
}

/// Descriptors of the zygote: its control socket as number 3, the null device as stdio, nothing
/// else. Shares memory until the exec, so that its cost does not grow with what the supervisor
/// holds; posix_spawn would ask after each signal first.
Result<pid_t> spawn(int program, int control, const Placement& place) {
    SR_TRY(const sys::UniqueFd null_device, open_null_device());
    Birth birth{program, control, null_device.get(), place};
    alignas(16) std::array<char, kBirthStackSize> stack;
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    if (place.is_apart) pin(0, place.here);
    const pid_t pid = ::clone(become_zygote, stack.data() + stack.size(),
                              CLONE_VM | CLONE_VFORK | SIGCHLD, &birth);
    const int failed = pid < 0 ? errno : birth.failed;
    if (place.is_apart) pin(0, place.allowed);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid >= 0 && failed != 0) (void)::waitpid(pid, nullptr, 0);
    if (failed != 0) return fail(failed, "start the zygote");
    return pid;
}

}  // namespace

Result<ZygoteProcess> ZygoteProcess::start(Haste haste) {
    SR_TRY(sys::UniqueFd image,
           sys::make_sealed_memfd("shardrun-zygote", std::as_bytes(std::span(kImage)),
                                  sys::MemfdUse::program));
    SR_TRY(sys::UniqueFd program, move_above_stdio(std::move(image)));
    SR_TRY(sys::PacketPair pair, sys::make_packet_pair());
    // Without the privilege for a larger buffer the default one serves, and EAGAIN comes sooner.
    (void)::setsockopt(pair.own.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kOrdersBufferBytes,
                       sizeof(kOrdersBufferBytes));
    SR_TRY(sys::UniqueFd peer, move_above_stdio(std::move(pair.peer)));
    const Placement place = haste == Haste::great ? place_apart() : Placement{};
    SR_TRY(const pid_t pid, spawn(program.get(), peer.get(), place));
    return ZygoteProcess(std::move(pair.own), pid, place);
}

Result<void> ZygoteProcess::send_plan(std::span<const std::byte> plan) const {
    zygote::PlanOrder order;
    order.size_bytes = static_cast<std::uint32_t>(plan.size());
    static_assert(sizeof(order.processors) == sizeof(place_.allowed));
    if (place_.is_apart)
        std::memcpy(static_cast<void*>(order.processors), &place_.allowed, sizeof(place_.allowed));
    const std::array<std::span<const std::byte>, 2> parts{sys::bytes_of(order), plan};
    return while_doing(sys::send_packet(control_.get(), parts), "send the zygote its plan");
}

Result<void> ZygoteProcess::make_network_ahead() const {
    zygote::NetworkOrder order;
    // With two processors it would take turns with the zygote, while ours idles once we have said
    // what we want.
    if (place_.is_apart && CPU_COUNT(&place_.elsewhere) == 1)
        std::memcpy(static_cast<void*>(order.processors), &place_.here, sizeof(place_.here));
    const std::array<std::span<const std::byte>, 1> parts{sys::bytes_of(order)};
    return while_doing(sys::send_packet(control_.get(), parts),
                       "have the zygote make a network namespace");
}

ZygoteProcess& ZygoteProcess::operator=(ZygoteProcess&& other) noexcept {
    end();
    control_ = std::move(other.control_);
    pid_ = std::exchange(other.pid_, 0);
    place_ = other.place_;
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
