#include "sys/helper_process.h"

#include <fcntl.h>
#include <sanitizer/asan_interface.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "base/fail.h"
#include "sys/seqpacket.h"

namespace shardrun::sys {
namespace {

constexpr std::size_t kBirthStackSize = std::size_t{16} * 1024;
constexpr int kControl = 3;
// Orders wait here while the helper is busy.
constexpr int kOrdersBufferBytes = 1024 * 1024;

struct Birth {
    const HelperPlan& plan;
    int program;
    int control;
    int null_device;
    char** argv;
    int failed = 0;  ///< errno, written by the child
};

/// Without the privilege to go beyond the limit in force, that one holds.
bool set_limit(int kind, rlim_t value) {
    rlimit limit{value, value};
    if (::syscall(SYS_prlimit64, 0, kind, &limit, nullptr) == 0) return true;
    if (errno != EPERM || ::syscall(SYS_prlimit64, 0, kind, nullptr, &limit) != 0) return false;
    limit.rlim_cur = std::min(value, limit.rlim_max);
    return ::syscall(SYS_prlimit64, 0, kind, &limit, nullptr) == 0;
}

/// The kernel's own calls: the C library would change the ids of all threads whose memory it
/// shares.
bool change_ids(const HelperPlan& plan) {
    return plan.uid == 0 || (::syscall(SYS_setgroups, 0, nullptr) == 0 &&
                             ::syscall(SYS_setresgid, plan.gid, plan.gid, plan.gid) == 0 &&
                             ::syscall(SYS_setresuid, plan.uid, plan.uid, plan.uid) == 0);
}

/// In the child, whose memory is still the parent's: nothing but system calls.
int become_helper(void* argument) {
    auto& birth = *static_cast<Birth*>(argument);
    constexpr std::array kSignalsNone{0UL};
    constexpr unsigned kCloseOnExec = 1U << 2U;  // CLOSE_RANGE_CLOEXEC
    std::array<char*, 1> environment{nullptr};
    const bool is_ready =
        // Limits first: they may go up only as long as we are root.
        set_limit(RLIMIT_NOFILE, birth.plan.files_max) &&
        set_limit(RLIMIT_MEMLOCK, birth.plan.locked_bytes_max) && change_ids(birth.plan) &&
        // After the ids, whose change forgets it.
        ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 &&
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::dup2(birth.null_device, 0) == 0 &&
        ::dup2(birth.null_device, 1) == 1 && ::dup2(birth.control, kControl) == kControl &&
        // What somebody in our process forgot to mark.
        ::syscall(SYS_close_range, kControl + 1, ~0U, kCloseOnExec) == 0 &&
        ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, kSignalsNone.data(), nullptr, 8) == 0;
    if (is_ready)
        (void)::execveat(birth.program, "", birth.argv, environment.data(), AT_EMPTY_PATH);
    birth.failed = errno;
    ::_exit(127);
}

/// Away from the numbers that the child needs for itself.
Result<UniqueFd> move_above_stdio(UniqueFd fd) {
    UniqueFd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 16));
    if (!moved) return fail_errno("duplicate a descriptor");
    return moved;
}

Result<UniqueFd> open_above_stdio(const std::string& path, int flags) {
    UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
    if (!fd) return fail_errno("open '{}'", path);
    return move_above_stdio(std::move(fd));
}

Result<pid_t> spawn(Birth& birth) {
    alignas(16) std::array<char, kBirthStackSize> stack;
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = ::clone(become_helper, stack.data() + stack.size(),
                              CLONE_VM | CLONE_VFORK | SIGCHLD, &birth);
    const int failed = pid < 0 ? errno : birth.failed;
    // An exec leaves no frame in order: a sanitizer would go on to guard what was the child's.
    ASAN_UNPOISON_MEMORY_REGION(stack.data(), stack.size());
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid >= 0 && failed != 0) (void)::waitpid(pid, nullptr, 0);
    if (failed != 0) return fail(failed, "start '{}'", birth.plan.program);
    return pid;
}

}  // namespace

Result<HelperProcess> HelperProcess::start(const HelperPlan& plan) {
    SR_TRY(const UniqueFd program, open_above_stdio(plan.program, O_PATH));
    SR_TRY(const UniqueFd null_device, open_above_stdio("/dev/null", O_RDWR));
    SR_TRY(PacketPair pair, make_packet_pair());
    // Without the privilege for a larger buffer the default one serves, and EAGAIN comes sooner.
    (void)::setsockopt(pair.own.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kOrdersBufferBytes,
                       sizeof(kOrdersBufferBytes));
    SR_TRY(const UniqueFd peer, move_above_stdio(std::move(pair.peer)));
    std::vector<std::string> words = plan.arguments;
    words.insert(words.begin(), plan.program.substr(plan.program.rfind('/') + 1));
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    Birth birth{plan, program.get(), peer.get(), null_device.get(), argv.data()};
    SR_TRY(const pid_t pid, spawn(birth));
    return HelperProcess(std::move(pair.own), pid);
}

HelperProcess& HelperProcess::operator=(HelperProcess&& other) noexcept {
    end();
    socket_ = std::move(other.socket_);
    pid_ = std::exchange(other.pid_, 0);
    return *this;
}

void HelperProcess::end() {
    if (pid_ == 0) return;
    (void)::kill(pid_, SIGKILL);
    (void)::waitpid(std::exchange(pid_, 0), nullptr, 0);
    socket_.reset();
}

}  // namespace shardrun::sys
