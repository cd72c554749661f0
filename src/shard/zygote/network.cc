#include "shard/zygote/network.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>

namespace shardrun::shard::zygote {
namespace {

constexpr std::size_t kStackSize = 16 * 1024;

/// What the helper leaves behind. In shared memory: init reads it when the helper has ended.
struct Made {
    Failure failure;
    long network = -1;  ///< a descriptor of the namespace
};
constinit Made made;
long helper = 0;  ///< its pid
alignas(16) char stack[kStackSize];

bool bring_up_loopback(long socket, Failure& failure) {
    if (!succeeded(socket, failure, Step::bring_up_loopback, "lo")) return false;
    ifreq request{};
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    return succeeded(raw_call(SYS_ioctl, socket, SIOCSIFFLAGS, as_long(&request)), failure,
                     Step::bring_up_loopback, "lo");
}

/// The socket is asked for its namespace, as no /proc need be there yet.
[[noreturn]] void make_network(void* /*unused*/) {
    Failure& failure = made.failure;
    if (!succeeded(raw_call(SYS_unshare, CLONE_NEWNET), failure, Step::make_namespaces, "network"))
        raw_exit(1);
    const long socket = raw_call(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (!bring_up_loopback(socket, failure)) raw_exit(1);
    made.network = raw_call(SYS_ioctl, socket, SIOCGSKNS, 0);
    succeeded(made.network, failure, Step::make_namespaces, "network");
    raw_close(static_cast<int>(socket));
    raw_exit(0);
}

/// In a network of its own, no port is anybody else's: servers may listen on 80 without a
/// capability.
bool open_low_ports(Failure& failure) {
    constexpr const char* kPath = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
    const long fd = raw_call(SYS_openat, AT_FDCWD, as_long(kPath), O_WRONLY | O_CLOEXEC);
    if (!succeeded(fd, failure, Step::bring_up_loopback, kPath)) return false;
    const long written = raw_call(SYS_write, fd, as_long("0"), 1);
    raw_close(static_cast<int>(fd));
    return succeeded(written, failure, Step::bring_up_loopback, kPath);
}

}  // namespace

bool begin_network(Failure& failure) {
    made = {};
    clone_args args{};
    args.flags = CLONE_VM | CLONE_FILES;  // No exit signal: only who waits for it hears of its end.
    args.stack = reinterpret_cast<std::uintptr_t>(stack);
    args.stack_size = sizeof(stack);
    helper = clone_sharing_memory(&args, sizeof(args), make_network, nullptr);
    return succeeded(helper, failure, Step::make_namespaces, "network");
}

long await_network(Failure& failure) {
    const long waited =
        raw_call(SYS_wait4, helper, 0, static_cast<long>(static_cast<unsigned>(__WALL)), 0);
    if (!succeeded(waited, failure, Step::make_namespaces, "network")) return waited;
    failure = made.failure;
    // Without a failure negative only if it was killed before it could say so.
    return made.network;
}

bool enter_network(long network, Failure& failure) {
    const long entered = raw_call(SYS_setns, network, CLONE_NEWNET);
    raw_close(static_cast<int>(network));
    return succeeded(entered, failure, Step::enter_network) && open_low_ports(failure);
}

}  // namespace shardrun::shard::zygote
