#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "shard/zygote/init.h"
#include "shard/zygote/network.h"
#include "shard/zygote/skeleton.h"
#include "shard/zygote/steps.h"

namespace shardrun::shard::zygote {
namespace {

/// Everything the zygote knows. Shards' inits inherit a copy.
struct Zygote {
    Filter filters[kFiltersMax] = {};
    std::uint32_t plan_size = 0;
    bool has_root = false;  ///< the plan was carried out: without it nothing is born
    long network = -1;      ///< one begun ahead, for the next shard (begin_network)
};
constinit Zygote zygote;
alignas(8) char message[sizeof(PlanOrder) + kPlanSizeMax];
alignas(8) char plan_bytes[kPlanSizeMax];

constexpr unsigned long long kShardNamespaces =
    0ULL | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;

bool reply(std::uint64_t sequence, std::int32_t pid, int pidfd, const Failure& failure) {
    ZygoteReply answer;
    answer.sequence = sequence;
    answer.pid = pid;
    answer.failure = failure;
    return send_datagram(kControlFd, &answer, sizeof(answer), pidfd) >= 0;
}

/// An empty bounding set for all that follows: nothing below can gain a capability by an exec. The
/// inheritable set is filled first, for it could not be raised later and granted capabilities pass
/// through it.
bool drop_bounding_set(Failure& failure) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[2] = {};
    if (!succeeded(raw_call(SYS_capget, as_long(&header), as_long(sets)), failure,
                   Step::drop_bounding_set))
        return false;
    for (__user_cap_data_struct& set : sets) set.inheritable = set.permitted;
    if (!succeeded(raw_call(SYS_capset, as_long(&header), as_long(sets)), failure,
                   Step::drop_bounding_set))
        return false;
    for (long capability = 0; capability < 64; ++capability)
        if (raw_call(SYS_prctl, PR_CAPBSET_DROP, capability) < 0)
            break;  // EINVAL: beyond the kernel's last one.
    return true;
}

/// Scheduling as of a process that nobody favoured or slowed down; which processors it may use is
/// the operator's wish and stays.
void reset_scheduling() {
    const int priority = 0;
    raw_call(SYS_sched_setscheduler, 0, 0 /* SCHED_OTHER */, as_long(&priority));
    raw_call(SYS_setpriority, PRIO_PROCESS, 0, 0);
    raw_call(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, 0);
    raw_call(SYS_prctl, PR_SET_TIMERSLACK, 50'000);
}

/// A supervisor that the OOM killer spares must not make its shards immune.
void reset_oom_score() {
    const long fd =
        raw_call(SYS_openat, AT_FDCWD, as_long("/proc/self/oom_score_adj"), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    raw_call(SYS_write, fd, as_long("0"), 1);
    raw_close(static_cast<int>(fd));
}

/// A session keyring of its own, at once revoked: it is inherited by all shards, so that a profile
/// that allows keyctl would let one shard read what another put there.
void leave_keyrings() {
    raw_call(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, 0);
    raw_call(SYS_keyctl, 3 /* KEYCTL_REVOKE */, -3 /* KEY_SPEC_SESSION_KEYRING */);
}

void reset_limits() {
    // One byte and not none: a host whose core_pattern is a pipe runs its helper, as root and
    // outside of every namespace, whatever the limit is, but not for 1. Source: core(5),
    // fs/coredump.c.
    const rlimit no_core{1, 1};
    raw_call(SYS_setrlimit, RLIMIT_CORE, as_long(&no_core));
    const rlimit none{0, 0};
    raw_call(SYS_setrlimit, RLIMIT_NICE, as_long(&none));
    raw_call(SYS_setrlimit, RLIMIT_RTPRIO, as_long(&none));
}

/// What shards must not inherit from whoever started the supervisor: signals, scheduling, keyrings,
/// core files, a weakened address space.
void reset_inherited_state() {
    raw_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
    raw_call(SYS_prctl, PR_SET_DUMPABLE, 0);
    raw_call(SYS_setsid);
    struct {
        std::uint64_t handler, flags, restorer, mask;
    } action{};
    for (long number = 1; number <= 64; ++number)
        raw_call(SYS_rt_sigaction, number, as_long(&action), 0, 8);
    action.flags = SA_NOCLDWAIT;  // Shards' inits are watched by pidfd, nobody waits for them.
    raw_call(SYS_rt_sigaction, SIGCHLD, as_long(&action), 0, 8);
    const std::uint64_t all = ~std::uint64_t{0};
    raw_call(SYS_rt_sigprocmask, SIG_SETMASK, as_long(&all), 0, 8);
    raw_call(SYS_personality, 0);
    reset_scheduling();
    reset_oom_score();
    leave_keyrings();
    reset_limits();
}

void on_plan(const PlanOrder& order, long size) {
    Failure failure;
    // It was started where it was not in the supervisor's way (place_apart), and goes on wherever
    // there is room; shards inherit that. None given is refused, and changes nothing.
    raw_call(SYS_sched_setaffinity, 0, sizeof(order.processors), as_long(order.processors));
    const bool whole = order.size_bytes <= kPlanSizeMax &&
                       size == static_cast<long>(sizeof(PlanOrder) + order.size_bytes);
    if (!whole) {
        succeeded(-22, failure, Step::receive_request, "plan");
    } else {
        __builtin_memcpy(plan_bytes, &order + 1, order.size_bytes);
        zygote.plan_size = order.size_bytes;
        zygote.has_root = enter_skeleton(PlanWalk(plan_bytes, zygote.plan_size), failure) &&
                          drop_bounding_set(failure);
    }
    reply(0, 0, -1, failure);
}

void on_filter(const FilterOrder& order, const Received& received) {
    if (order.id >= kFiltersMax || received.fd_count != 1) return;
    Filter& filter = zygote.filters[order.id];
    const std::size_t size = order.count * sizeof(sock_filter);
    if (filter.program != nullptr)
        raw_call(SYS_munmap, as_long(filter.program),
                 static_cast<long>(filter.count * sizeof(sock_filter)));
    const long mapped = raw_call(SYS_mmap, 0, static_cast<long>(size), PROT_READ,
                                 MAP_SHARED | MAP_POPULATE, received.fds[0], 0);
    filter.program = mapped < 0 ? nullptr : as_pointer<sock_filter>(mapped);
    filter.count = mapped < 0 ? 0 : order.count;
}

/// A network that cannot be made ahead is made, or refused, with its shard.
void on_network(const NetworkOrder& order, long size) {
    if (zygote.network < 0 && size == sizeof(order))
        zygote.network = begin_network(order.processors);
}

/// The network of a shard that is about to be born. One that was begun ahead and is not wanted
/// goes.
bool take_network(const LaunchOrder& order, long& network, Failure& failure) {
    network = zygote.network;
    zygote.network = -1;
    if ((order.flags & kLaunchNewNetwork) == 0) {
        if (network >= 0) raw_close(static_cast<int>(network));
        network = -1;
        return true;
    }
    if (network < 0) network = begin_network(NetworkOrder{}.processors);
    return succeeded(network, failure, Step::make_namespaces, "network");
}

/// Bears a shard's init: into its cgroup from the first moment, into namespaces of its own but for
/// two, which init makes itself: the cgroup namespace, whose root would be this process's cgroup,
/// and the network, which takes long (network.h).
void on_launch(const LaunchOrder& order, const Received& received) {
    Failure failure;
    long network = -1;
    if (!zygote.has_root)
        succeeded(-71, failure, Step::make_root, "see the zygote's first report");  // EPROTO
    if (!zygote.has_root || !take_network(order, network, failure)) {
        reply(order.sequence, 0, -1, failure);
        return;
    }
    int pidfd = -1;
    clone_args args{};
    args.flags = CLONE_INTO_CGROUP | CLONE_PIDFD | kShardNamespaces;
    args.cgroup = static_cast<__u64>(received.fds[0]);
    args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    args.exit_signal = SIGCHLD;
    const long pid = raw_call(SYS_clone3, as_long(&args), sizeof(args));
    if (pid == 0) {
        const Launch launch{
            order,
            received.fds[1],
            received.fds[2],
            received.fds[0],
            (order.flags & kLaunchImage) != 0 ? received.fds[3] : -1,
            (order.flags & kLaunchHold) != 0 ? received.fds[4] : -1,
            static_cast<int>(network),
            order.filter_id < kFiltersMax ? zygote.filters[order.filter_id] : Filter{},
            PlanWalk(plan_bytes, zygote.plan_size)};
        run_init(launch);
    }
    succeeded(pid, failure, Step::clone_init);
    reply(order.sequence, static_cast<std::int32_t>(pid > 0 ? pid : 0), pidfd, failure);
    if (pidfd >= 0) raw_close(pidfd);
    if (network >= 0) raw_close(static_cast<int>(network));
}

void on_message(const Received& received) {
    const Order order = *reinterpret_cast<const Order*>(message);
    if (order == Order::plan) on_plan(*reinterpret_cast<const PlanOrder*>(message), received.size);
    if (order == Order::network)
        on_network(*reinterpret_cast<const NetworkOrder*>(message), received.size);
    if (order == Order::filter) on_filter(*reinterpret_cast<const FilterOrder*>(message), received);
    const bool is_launch = order == Order::launch && received.fd_count >= 3;
    if (is_launch) on_launch(*reinterpret_cast<const LaunchOrder*>(message), received);
    for (unsigned i = 0; i < received.fd_count; ++i) raw_close(received.fds[i]);
}

}  // namespace

extern "C" [[noreturn]] void zygote_main() {
    raw_call(SYS_close_range, kControlFd + 1, ~0U, 0);
    reset_inherited_state();
    for (;;) {
        const Received received = receive_datagram(kControlFd, message, sizeof(message));
        if (received.size < static_cast<long>(sizeof(Order)))
            raw_exit(0);  // The supervisor is gone.
        on_message(received);
    }
}

}  // namespace shardrun::shard::zygote

// No C library: the kernel's entry point, and the few functions the compiler may call by itself.
__asm__(
    ".globl _start\n"
    "_start:\n\t"
    "xor %ebp, %ebp\n\t"
    "and $-16, %rsp\n\t"
    "call zygote_main\n\t"
    "hlt\n");

extern "C" void* memcpy(void* to, const void* from, std::size_t size) {
    void* start = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
    return start;
}

extern "C" void* memset(void* to, int value, std::size_t size) {
    void* start = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
    return start;
}
