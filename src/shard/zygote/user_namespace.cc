#include "shard/zygote/user_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

namespace shardrun::shard::zygote {
namespace {

long write_map(const char* path, std::uint32_t uid) {
    char digits[24];
    char line[48] = "0 ";
    std::size_t size = 2;
    for (const char* digit = decimal(uid, digits); *digit != '\0'; ++digit) line[size++] = *digit;
    line[size++] = ' ';
    line[size++] = '1';
    const long fd = raw_call(SYS_openat, AT_FDCWD, as_long(path), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return fd;
    const long written = raw_call(SYS_write, fd, as_long(line), static_cast<long>(size));
    raw_close(static_cast<int>(fd));
    return written;
}

/// Stays in the outer user namespace, where alone the maps may be written; exit status: errno.
[[noreturn]] void write_maps_when_told(int told, std::uint32_t uid) {
    char byte = 0;
    raw_call(SYS_read, told, as_long(&byte), 1);
    long done = write_map("/proc/1/uid_map", uid);
    if (done >= 0) done = write_map("/proc/1/gid_map", uid);
    raw_exit(done < 0 ? static_cast<int>(-done) : 0);
}

}  // namespace

bool enter_user_namespace(std::uint32_t uid, Failure& failure) {
    int ends[2] = {-1, -1};
    if (!succeeded(raw_call(SYS_pipe2, as_long(ends), O_CLOEXEC), failure,
                   Step::make_user_namespace, "pipe"))
        return false;
    const long writer = raw_call(SYS_clone, SIGCHLD);
    if (writer == 0) {
        raw_close(ends[1]);  // Else it would wait for itself.
        write_maps_when_told(ends[0], uid);
    }
    raw_close(ends[0]);
    if (!succeeded(writer, failure, Step::make_user_namespace, "clone")) return false;
    const long entered = raw_call(SYS_unshare, CLONE_NEWUSER);
    raw_close(ends[1]);  // The end of file tells the writer to go on.
    siginfo_t result{};
    raw_call(SYS_waitid, P_PID, writer, as_long(&result), WEXITED, 0);
    if (!succeeded(entered, failure, Step::make_user_namespace, "unshare")) return false;
    return succeeded(-result.si_status, failure, Step::make_user_namespace, "uid_map");
}

}  // namespace shardrun::shard::zygote
