#include "shard/zygote/init.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "shard/zygote/runner.h"
#include "shard/zygote/setup.h"

namespace shardrun::shard::zygote {
namespace {

constexpr unsigned kRunnersMax = 4096;
constexpr std::size_t kRunnerStackSize = std::size_t{16} * 1024;

/// What init knows while the shard lives. Static: there is one init in a process.
struct Init {
    RunnerIdentity identity;
    std::int32_t runners[kRunnersMax] = {};  ///< pids whose end the supervisor wants to know
    unsigned runner_count = 0;
    bool ends_with_program = false;
    bool is_held = false;
};
constinit Init self;  // Nothing runs constructors here.
alignas(16) char runner_stack[kRunnerStackSize];

void report(const InitMessage& message, int fd = -1) {
    send_datagram(kControlFd, &message, sizeof(message), fd);
}

[[noreturn]] void report_failure_and_end(const Failure& failure) {
    InitMessage message;
    message.report = InitReport::failed;
    message.failure = failure;
    report(message);
    raw_exit(1);
}

/// The kernel closes what we hold before it ends the shard's other processes, so they go first.
[[noreturn]] void end_shard() {
    while (self.is_held) {
        raw_call(SYS_kill, -1, SIGKILL);
        siginfo_t info{};
        if (raw_call(SYS_waitid, P_ALL, 0, as_long(&info), WEXITED, 0) == -10) break;  // ECHILD
    }
    raw_exit(0);
}

void close_inherited(const Launch& launch) {
    raw_call(SYS_dup3, launch.control, kControlFd, O_CLOEXEC);
    raw_close(launch.control);
    raw_close(launch.cgroup);
}

void expect_children() {
    struct {
        std::uint64_t handler, flags, restorer, mask;
    } action{};
    raw_call(SYS_rt_sigaction, SIGCHLD, as_long(&action), 0,
             8);  // The zygote's wish not to wait ends here.
}

void first_runner(void* identity) {
    raw_close(kControlFd);  // Its own descriptor table, though the memory is shared.
    run_runner(*static_cast<const RunnerIdentity*>(identity));
}

/// Shares init's memory, which saves copying it: nobody but us is in the shard yet, and the exec
/// ends the sharing.
long clone_first_runner() {
    clone_args args{};
    args.flags = CLONE_VM;
    args.exit_signal = SIGCHLD;
    args.stack = reinterpret_cast<std::uintptr_t>(runner_stack);
    args.stack_size = sizeof(runner_stack);
    return clone_sharing_memory(&args, sizeof(args), first_runner, &self.identity);
}

/// Once programs run, memory is never shared with what is about to take their uid.
long clone_later_runner(int launch_socket) {
    const long pid = raw_call(SYS_clone, SIGCHLD);
    if (pid != 0) return pid;
    raw_close(kControlFd);
    RunnerIdentity identity = self.identity;
    identity.launch_socket = launch_socket;
    run_runner(identity);
}

void remember(long pid) {
    self.runners[self.runner_count++] = static_cast<std::int32_t>(pid);
}

bool forget(std::int32_t pid) {
    for (unsigned i = 0; i < self.runner_count; ++i) {
        if (self.runners[i] != pid) continue;
        self.runners[i] = self.runners[--self.runner_count];
        return true;
    }
    return false;
}

bool is_runner(std::int32_t pid) {
    for (unsigned i = 0; i < self.runner_count; ++i)
        if (self.runners[i] == pid) return true;
    return false;
}

void on_spare(const Received& received) {
    InitMessage message;
    message.report = InitReport::spare;
    const long pid = received.fd_count != 1             ? -22  // EINVAL
                     : self.runner_count == kRunnersMax ? -11  // EAGAIN
                                                        : clone_later_runner(received.fds[0]);
    if (succeeded(pid, message.failure, Step::clone_runner)) remember(pid);
    message.pid = static_cast<std::int32_t>(pid > 0 ? pid : 0);
    report(message);
}

/// Only to runners that still are: a pid that was reaped may have gone to somebody else.
void on_signal(const SignalOrder& order) {
    if (is_runner(order.pid)) raw_call(SYS_kill, order.pid, order.signal_number);
}

void on_order() {
    alignas(8) char buffer[64];
    const Received received = receive_datagram(kControlFd, buffer, sizeof(buffer));
    if (received.size < static_cast<long>(sizeof(InitOrder)))
        end_shard();  // Nobody holds the shard: it ends.
    const InitOrder order = *reinterpret_cast<const InitOrder*>(buffer);
    if (order == InitOrder::spare) on_spare(received);
    if (order == InitOrder::signal && received.size == sizeof(SignalOrder))
        on_signal(*reinterpret_cast<const SignalOrder*>(buffer));
    for (unsigned i = 0; i < received.fd_count; ++i) raw_close(received.fds[i]);
}

std::uint64_t microseconds(const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000U +
           static_cast<std::uint64_t>(time.tv_usec);
}

InitReport kind_of(int code) {
    if (code == CLD_STOPPED || code == CLD_TRAPPED) return InitReport::stopped;
    return code == CLD_CONTINUED ? InitReport::continued : InitReport::exited;
}

/// Reaps whoever ended; tells of runners only, so that orphans cannot flood the supervisor.
void on_children() {
    for (;;) {
        siginfo_t info{};
        rusage usage{};
        const long waited = raw_call(SYS_waitid, P_ALL, 0, as_long(&info),
                                     WEXITED | WSTOPPED | WCONTINUED | WNOHANG, as_long(&usage));
        if (waited < 0 || info.si_pid == 0) return;
        InitMessage message;
        message.report = kind_of(info.si_code);
        const bool ended = message.report == InitReport::exited;
        if (ended ? !forget(info.si_pid) : !is_runner(info.si_pid)) continue;
        message.pid = info.si_pid;
        message.wait_status = info.si_status;
        message.wait_code = info.si_code;
        message.user_cpu_us = microseconds(usage.ru_utime);
        message.system_cpu_us = microseconds(usage.ru_stime);
        message.memory_peak_kib = static_cast<std::uint64_t>(usage.ru_maxrss);
        report(message);
        if (ended && self.ends_with_program) end_shard();
    }
}

[[noreturn]] void serve_shard() {
    const std::uint64_t children = 1ULL << (SIGCHLD - 1);
    const long signals = raw_call(SYS_signalfd4, -1, as_long(&children), 8, O_CLOEXEC | O_NONBLOCK);
    pollfd sources[2] = {{kControlFd, POLLIN, 0}, {static_cast<int>(signals), POLLIN, 0}};
    on_children();  // Whoever ended before the signal could be seen.
    for (;;) {
        raw_call(SYS_ppoll, as_long(sources), 2, 0, 0, 8);
        if (sources[1].revents != 0) {
            char drained[128];
            raw_call(SYS_read, signals, as_long(drained), sizeof(drained));
            on_children();
        }
        if (sources[0].revents != 0) on_order();
    }
}

}  // namespace

void run_init(const Launch& launch) {
    Failure failure;
    int tmpfs = -1;
    close_inherited(launch);
    expect_children();
    if (!set_up_shard(launch, tmpfs, failure)) report_failure_and_end(failure);
    if (!reduce_init_capabilities(launch, failure)) report_failure_and_end(failure);
    const bool in_user_namespace = (launch.order.flags & kLaunchUserNamespace) != 0;
    self.identity = {in_user_namespace ? 0 : launch.order.uid,
                     launch.order.capabilities,
                     in_user_namespace,
                     (launch.order.flags & kLaunchFilterEarly) != 0,
                     launch.filter,
                     launch.launch_socket};
    self.is_held = launch.hold >= 0;
    self.ends_with_program = (launch.order.flags & kLaunchOneProgram) != 0;
    const long runner = clone_first_runner();
    if (!succeeded(runner, failure, Step::clone_runner)) report_failure_and_end(failure);
    remember(runner);
    raw_close(launch.launch_socket);
    InitMessage ready;
    ready.report = InitReport::ready;
    ready.pid = static_cast<std::int32_t>(runner);
    report(ready, tmpfs);
    raw_close(tmpfs);
    serve_shard();
}

}  // namespace shardrun::shard::zygote
