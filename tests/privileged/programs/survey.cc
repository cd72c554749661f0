// Tells, from inside a shard, what a program there was given: one "key: value" line each. The tests
// beside it compare them with what a shard should be.

#include <dirent.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

extern char** environ;

namespace {

void tell_descriptors() {
    for (int fd = 0; fd < 65536; ++fd)
        if (::fcntl(fd, F_GETFD) >= 0) std::printf("fd: %d\n", fd);
}

void tell_lines_of(const char* path, const char* key) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) std::printf("%s: %s\n", key, line.c_str());
}

void tell_limit(const char* key, __rlimit_resource_t resource) {
    rlimit limit{};
    (void)::getrlimit(resource, &limit);
    std::printf("%s: %llu %llu\n", key, static_cast<unsigned long long>(limit.rlim_cur),
                static_cast<unsigned long long>(limit.rlim_max));
}

void tell_attributes() {
    std::printf("securebits: %d\n", ::prctl(PR_GET_SECUREBITS));
    std::printf("keepcaps: %d\n", ::prctl(PR_GET_KEEPCAPS));
    std::printf("dumpable: %d\n", ::prctl(PR_GET_DUMPABLE));
    std::printf("timer slack: %d\n", ::prctl(PR_GET_TIMERSLACK));
    std::printf("policy: %d\n", ::sched_getscheduler(0));
    std::printf("nice: %d\n", ::getpriority(PRIO_PROCESS, 0));
    std::printf("ioprio: %ld\n", ::syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0));
    std::printf("personality: %ld\n", ::syscall(SYS_personality, 0xffffffffUL));
    std::printf("session leader: %d\n", ::getsid(0) == ::getpid() ? 1 : 0);
    std::printf("controlling terminal: %d\n", ::open("/dev/tty", O_RDWR | O_CLOEXEC) >= 0 ? 1 : 0);
    tell_lines_of("/proc/self/oom_score_adj", "oom_score_adj");
    tell_limit("core", RLIMIT_CORE);
    tell_limit("rtprio", RLIMIT_RTPRIO);
    tell_limit("nice limit", RLIMIT_NICE);
    tell_limit("nofile", RLIMIT_NOFILE);
}

void tell_directory(const std::string& path) {
    DIR* directory = ::opendir(path.c_str());
    if (directory == nullptr) return;
    while (const dirent* entry = ::readdir(directory)) {
        const std::string name = static_cast<const char*>(entry->d_name);
        struct stat status {};
        if (name == "." || name == ".." || ::lstat((path + "/" + name).c_str(), &status) != 0)
            continue;
        const char kind = S_ISCHR(status.st_mode)   ? 'c'
                          : S_ISBLK(status.st_mode) ? 'b'
                          : S_ISDIR(status.st_mode) ? 'd'
                          : S_ISLNK(status.st_mode) ? 'l'
                                                    : 'f';
        std::printf("%s: %c %s %u %u\n", path.c_str(), kind, name.c_str(), major(status.st_rdev),
                    minor(status.st_rdev));
    }
    ::closedir(directory);
}

}  // namespace

int main() {
    tell_descriptors();
    tell_lines_of("/proc/self/status", "status");
    tell_lines_of("/proc/self/mountinfo", "mount");
    tell_attributes();
    for (const char* path : {"/dev", "/etc", "/sys", "/run", "/tmp", "/", "/dev/shm"})
        tell_directory(path);
    for (char** variable = environ; *variable != nullptr; ++variable)
        std::printf("environ: %s\n", *variable);
    char cwd[4096] = {};
    // The call and not getcwd(3), which hides what the kernel thinks of an unreachable directory.
    std::printf("cwd: %s\n", ::syscall(SYS_getcwd, cwd, sizeof(cwd)) > 0 ? cwd : "none");
    return 0;
}
