#include "shard/zygote/runner.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace shardrun::shard::zygote {
namespace {

constexpr unsigned kPointersMax = 64 * 1024;

/// The order as received, and the pointers into it that execve wants. Static: one order per runner.
struct Run {
    alignas(8) char message[sizeof(RunOrder) + kInlineArgumentsMax] = {};
    const char* pointers[kPointersMax] = {};  ///< argv, null, envp, null
    Received received;
    const char* strings = nullptr;
    const char* cwd = nullptr;
    char path[4096] = {};

    const RunOrder& order() const { return *reinterpret_cast<const RunOrder*>(message); }
    const char** argv() { return pointers; }
    const char** envp() { return pointers + order().argc + 1; }
};
constinit Run run;

[[noreturn]] void tell_and_end(int socket, const Failure& failure) {
    RunnerMessage message{RunnerReport::failed, failure};
    send_datagram(socket, &message, sizeof(message));
    raw_exit(127);
}

/// Closes what init has open (its view of the tmpfs is one) but for the launch socket, which gets
/// the first number after stdio: a working directory of /proc/self/fd/N must lead to nothing.
int keep_only(int socket) {
    raw_call(SYS_dup3, socket, kControlFd, O_CLOEXEC);
    raw_call(SYS_close_range, kControlFd + 1, ~0U, 0);
    return kControlFd;
}

bool set_ids(const RunnerIdentity& identity, Failure& failure) {
    const long id = identity.uid;
    return succeeded(raw_call(SYS_setgroups, 0, 0), failure, Step::drop_groups) &&
           succeeded(raw_call(SYS_setresgid, id, id, id), failure, Step::set_gid) &&
           succeeded(raw_call(SYS_setresuid, id, id, id), failure, Step::set_uid);
}

/// All five sets: bounding is empty since the zygote (a fresh user namespace fills it again), the
/// rest is granted.
bool set_capabilities(const RunnerIdentity& identity, Failure& failure) {
    for (long number = 0; identity.in_user_namespace && number < 64; ++number)
        if (raw_call(SYS_prctl, PR_CAPBSET_DROP, number) < 0) break;
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[2] = {};
    for (unsigned i = 0; i < 2; ++i) {
        const auto half = static_cast<std::uint32_t>(identity.capabilities >> (32 * i));
        sets[i] = {half, half, half};
    }
    raw_call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (!succeeded(raw_call(SYS_capset, as_long(&header), as_long(sets)), failure,
                   Step::set_capabilities))
        return false;
    for (long number = 0; number < 64; ++number) {
        if ((identity.capabilities >> number & 1U) == 0) continue;
        const long raised = raw_call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0);
        if (!succeeded(raised, failure, Step::set_capabilities, "ambient")) return false;
    }
    return true;
}

bool load_filter(const RunnerIdentity& identity, Failure& failure) {
    const sock_fprog program{static_cast<unsigned short>(identity.filter.count),
                             const_cast<sock_filter*>(identity.filter.program)};
    const long loaded = raw_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, as_long(&program));
    return succeeded(loaded, failure, Step::load_filter);
}

bool drop_privileges(const RunnerIdentity& identity, Failure& failure) {
    raw_call(SYS_setsid);
    if (!set_ids(identity, failure) || !set_capabilities(identity, failure)) return false;
    raw_call(SYS_prctl, PR_SET_DUMPABLE,
             0);  // Until the exec, same-uid programs must not look into it.
    if (!succeeded(raw_call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), failure,
                   Step::set_no_new_privileges))
        return false;
    return !identity.filter_early || load_filter(identity, failure);
}

/// Sets the pointers into the strings; they were counted by the supervisor and are counted again
/// here.
bool index_strings() {
    const RunOrder& order = run.order();
    if (order.argc == 0 || order.argc + order.envc + 2U > kPointersMax) return false;
    const char* at = run.strings;
    const char* const end = at + order.strings_size;
    unsigned next = 0;
    for (unsigned i = 0; i < order.argc + order.envc; ++i) {
        if (i == order.argc) run.pointers[next++] = nullptr;
        if (at >= end) return false;
        run.pointers[next++] = at;
        at += text_size(at) + 1;
    }
    if (order.envc == 0) run.pointers[next++] = nullptr;
    run.pointers[next] = nullptr;
    run.cwd = at;
    return at < end;
}

bool receive_order(int socket, Failure& failure) {
    run.received = receive_datagram(socket, run.message, sizeof(run.message));
    if (run.received.size <= 0) raw_exit(0);  // Never asked: the shard goes.
    const RunOrder& order = run.order();
    run.strings = run.message + sizeof(RunOrder);
    if ((order.flags & kRunArgumentsInMemfd) != 0) {
        const int memfd = run.received.fds[run.received.fd_count - 1];
        const long mapped =
            raw_call(SYS_mmap, 0, order.strings_size, PROT_READ, MAP_PRIVATE, memfd, 0);
        if (!succeeded(mapped, failure, Step::map_arguments)) return false;
        run.strings = as_pointer<char>(mapped);
    }
    return succeeded(index_strings() ? 0 : -7, failure, Step::receive_request,
                     "arguments");  // E2BIG
}

bool become_stdio(int fd, int number, Failure& failure) {
    return succeeded(raw_call(SYS_dup3, fd, number, 0), failure, Step::set_stdio);
}

/// A pseudo-terminal of the shard's own devpts becomes the controlling terminal; its master goes to
/// the supervisor.
bool open_terminal(int socket, Failure& failure) {
    const long master =
        raw_call(SYS_openat, AT_FDCWD, as_long("/dev/pts/ptmx"), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (!succeeded(master, failure, Step::open_terminal, "/dev/pts/ptmx")) return false;
    const int unlock = 0;
    raw_call(SYS_ioctl, master, TIOCSPTLCK, as_long(&unlock));
    const long terminal = raw_call(SYS_ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (!succeeded(terminal, failure, Step::open_terminal, "peer")) return false;
    const winsize size{run.order().rows, run.order().columns, 0, 0};
    raw_call(SYS_ioctl, terminal, TIOCSWINSZ, as_long(&size));
    if (!succeeded(raw_call(SYS_ioctl, terminal, TIOCSCTTY, 0), failure, Step::open_terminal,
                   "controlling"))
        return false;
    RunnerMessage message;
    message.report = RunnerReport::terminal;
    const long sent = send_datagram(socket, &message, sizeof(message), static_cast<int>(master));
    if (!succeeded(sent, failure, Step::open_terminal, "master")) return false;
    for (int number = 0; number < 3; ++number)
        if (!become_stdio(static_cast<int>(terminal), number, failure)) return false;
    return true;
}

bool set_stdio(int socket, Failure& failure) {
    if ((run.order().flags & kRunTerminal) != 0) return open_terminal(socket, failure);
    if ((run.order().flags & kRunStdio) != 0 && run.received.fd_count >= 3) {
        for (int number = 0; number < 3; ++number)
            if (!become_stdio(run.received.fds[number], number, failure)) return false;
        return true;
    }
    const long null = raw_call(SYS_openat, AT_FDCWD, as_long("/dev/null"), O_RDWR | O_CLOEXEC);
    if (!succeeded(null, failure, Step::set_stdio, "/dev/null")) return false;
    for (int number = 0; number < 3; ++number)
        if (!become_stdio(static_cast<int>(null), number, failure)) return false;
    return true;
}

const char* search_path() {
    for (const char** variable = run.envp(); *variable != nullptr; ++variable) {
        const char* text = *variable;
        if (text[0] == 'P' && text[1] == 'A' && text[2] == 'T' && text[3] == 'H' && text[4] == '=')
            return text + 5;
    }
    return "/usr/local/bin:/usr/bin:/bin";
}

/// Writes "directory/name" into run.path and returns where the next directory begins; nullptr after
/// the last.
const char* join_next(const char* directories, const char* name) {
    std::size_t size = 0;
    while (*directories != '\0' && *directories != ':' && size < sizeof(run.path) / 2)
        run.path[size++] = *directories++;
    if (size == 0) run.path[size++] = '.';
    run.path[size++] = '/';
    while (*name != '\0' && size < sizeof(run.path) - 1) run.path[size++] = *name++;
    run.path[size] = '\0';
    while (*directories != '\0' && *directories != ':') ++directories;
    return *directories == ':' ? directories + 1 : nullptr;
}

long execute_path(const char* path) {
    return raw_call(SYS_execve, as_long(path), as_long(run.argv()), as_long(run.envp()));
}

bool has_slash(const char* text) {
    for (; *text != '\0'; ++text)
        if (*text == '/') return true;
    return false;
}

/// As execvp(3): the first that can be executed; one that may not be is remembered over those that
/// are not there.
long execute() {
    const char* name = run.argv()[0];
    if (has_slash(name) || *name == '\0') return execute_path(name);
    long worst = -2;  // ENOENT
    const char* directories = search_path();
    while (directories != nullptr) {
        directories = join_next(directories, name);
        const long failed = execute_path(run.path);
        if (failed == -13) worst = failed;  // EACCES
        if (failed != -2 && failed != -13 && failed != -20)
            return failed;  // ENOENT, EACCES, ENOTDIR: look on.
    }
    return worst;
}

bool prepare_program(const RunnerIdentity& identity, Failure& failure) {
    if (!receive_order(identity.launch_socket, failure)) return false;
    if (!set_stdio(identity.launch_socket, failure)) return false;
    const RunOrder& order = run.order();
    const rlimit files{order.files_max, order.files_max};
    if (!succeeded(raw_call(SYS_setrlimit, RLIMIT_NOFILE, as_long(&files)), failure,
                   Step::set_file_limit))
        return false;
    raw_call(SYS_close_range, kControlFd + 1, ~0U, 0);  // What came with the order.
    if (!succeeded(raw_call(SYS_chdir, as_long(run.cwd)), failure, Step::change_directory, run.cwd))
        return false;
    raw_call(SYS_umask, 022);
    const std::uint64_t none = 0;
    raw_call(SYS_rt_sigprocmask, SIG_SETMASK, as_long(&none), 0, 8);
    return identity.filter_early || load_filter(identity, failure);
}

}  // namespace

void run_runner(const RunnerIdentity& given) {
    Failure failure;
    RunnerIdentity identity = given;  // The original may be init's own, in shared memory.
    const int socket = identity.launch_socket = keep_only(given.launch_socket);
    if (!drop_privileges(identity, failure)) tell_and_end(socket, failure);
    if (!prepare_program(identity, failure)) tell_and_end(socket, failure);
    succeeded(execute(), failure, Step::execute, run.argv()[0]);
    tell_and_end(socket, failure);
}

}  // namespace shardrun::shard::zygote
