#include "shard/zygote/network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/if.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

namespace shardrun::shard::zygote {
namespace {

constexpr std::size_t kStackSize = std::size_t{16} * 1024;
constexpr unsigned kHelpersMax = 8;  ///< at once; a further launch waits for the first of them

/// A helper shares the zygote's memory, not its descriptors, and needs a stack of its own.
struct Helper {
    int socket = 0;
    std::uint32_t is_running = 0;  ///< the kernel clears it when the stack is free again
    alignas(16) char stack[kStackSize];
};
Helper helpers[kHelpersMax];
unsigned last_helper = 0;

bool bring_up_loopback(long socket, Failure& failure) {
    if (!succeeded(socket, failure, Step::bring_up_loopback, "lo")) return false;
    ifreq request{};
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    return succeeded(raw_call(SYS_ioctl, socket, SIOCSIFFLAGS, as_long(&request)), failure,
                     Step::bring_up_loopback, "lo");
}

/// A descriptor of the new namespace. The socket is asked for its own, as there is no /proc here.
long make_network(Failure& failure) {
    if (!succeeded(raw_call(SYS_unshare, CLONE_NEWNET), failure, Step::make_namespaces, "network"))
        return -1;
    const long socket = raw_call(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (!bring_up_loopback(socket, failure)) return -1;
    const long network = raw_call(SYS_ioctl, socket, SIOCGSKNS, 0);
    succeeded(network, failure, Step::make_namespaces, "network");
    return network;
}

[[noreturn]] void run_helper(void* argument) {
    const int socket = static_cast<Helper*>(argument)->socket;
    // The launch's other descriptors tell by their closing what happens to the shard.
    raw_call(SYS_close_range, kControlFd, socket - 1, 0);
    raw_call(SYS_close_range, socket + 1, ~0U, 0);
    Failure failure;
    const long network = make_network(failure);
    send_datagram(socket, &failure, sizeof(failure), static_cast<int>(network));
    raw_exit(0);
}

Helper& next_helper() {
    Helper& helper = helpers[++last_helper % kHelpersMax];
    while (__atomic_load_n(&helper.is_running, __ATOMIC_ACQUIRE) != 0)
        raw_call(SYS_futex, as_long(&helper.is_running), FUTEX_WAIT, 1, 0);
    return helper;
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

long begin_network(const std::uint64_t (&processors)[kProcessorWords]) {
    int pair[2] = {};
    const long made =
        raw_call(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, as_long(pair));
    if (made < 0) return made;
    Helper& helper = next_helper();
    helper.socket = pair[1];
    helper.is_running = 1;
    clone_args args{};
    args.flags = CLONE_VM | CLONE_CHILD_CLEARTID;
    args.child_tid = reinterpret_cast<std::uintptr_t>(&helper.is_running);
    args.exit_signal = SIGCHLD;  // Which the zygote ignores: nobody has to wait for it.
    args.stack = reinterpret_cast<std::uintptr_t>(helper.stack);
    args.stack_size = sizeof(helper.stack);
    const long pid = clone_sharing_memory(&args, sizeof(args), run_helper, &helper);
    raw_close(pair[1]);
    // None given is refused, and changes nothing.
    if (pid >= 0) raw_call(SYS_sched_setaffinity, pid, sizeof(processors), as_long(processors));
    if (pid >= 0) return pair[0];
    helper.is_running = 0;
    raw_close(pair[0]);
    return pid;
}

bool enter_network(int socket, Failure& failure) {
    Failure report;
    const Received received = receive_datagram(socket, &report, sizeof(report));
    raw_close(socket);
    // The helper may have been killed before it could say anything.
    if (received.size != sizeof(report))
        return succeeded(-ECHILD, failure, Step::make_namespaces, "network");
    failure = report;
    if (received.fd_count != 1) return false;
    const long entered = raw_call(SYS_setns, received.fds[0], CLONE_NEWNET);
    raw_close(received.fds[0]);
    return succeeded(entered, failure, Step::enter_network) && open_low_ports(failure);
}

}  // namespace shardrun::shard::zygote
