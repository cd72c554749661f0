// What a hostile program in a shard tries. `attack NAME…` prints one line per attempt: "refused
// WHAT: why", or "SUCCEEDED WHAT" where a wall is missing. A real program for the attempts that a
// script cannot make.

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace {

void tell(const std::string& what, bool succeeded) {
    if (succeeded)
        std::printf("SUCCEEDED %s\n", what.c_str());
    else
        std::printf("refused %s: %s\n", what.c_str(), std::strerror(errno));
    (void)std::fflush(stdout);
}

/// A call that should fail, in a child: a filter may answer with death.
void try_call(const std::string& what, const std::function<long()>& call) {
    (void)std::fflush(stdout);
    const pid_t child = ::fork();
    if (child == 0) {
        const long result = call();
        tell(what, result >= 0);
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) {
        std::printf("refused %s: killed by signal %d\n", what.c_str(), WTERMSIG(status));
        (void)std::fflush(stdout);
    }
}

void try_open(const std::string& path, int flags) {
    tell("open " + path, ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK) >= 0);
}

/// CVE-2019-5736: the runtime's program, by way of a process that was it.
void overwrite_runtime() {
    for (const char* path :
         {"/proc/1/exe", "/proc/self/exe", "/proc/1/map_files", "/proc/1/root"}) {
        try_open(path, O_WRONLY);
        try_open(path, O_RDWR);
        try_open(path, O_WRONLY | O_TRUNC);
    }
    tell("truncate /proc/1/exe", ::truncate("/proc/1/exe", 0) == 0);
    tell("truncate /proc/self/exe", ::truncate("/proc/self/exe", 0) == 0);
}

/// What /proc tells of the shard's init, which is root on the host.
void read_init() {
    for (const char* name :
         {"exe", "fd", "mem", "environ", "maps", "smaps", "auxv", "io", "pagemap", "personality",
          "stack", "syscall", "mountstats", "map_files", "fdinfo/0"})
        try_open(std::string("/proc/1/") + name, O_RDONLY);
    char target[256];
    for (const char* name : {"root", "cwd", "exe", "fd/0", "fd/3", "ns/mnt", "ns/user", "ns/net"})
        tell(std::string("readlink /proc/1/") + name,
             ::readlink((std::string("/proc/1/") + name).c_str(), target, sizeof(target)) >= 0);
    tell("list /proc/1/root/", ::access("/proc/1/root/etc", F_OK) == 0);
    tell("list /proc/1/cwd/", ::access("/proc/1/cwd/etc", F_OK) == 0);
    // Kernels that let anybody open it show nothing, for init has no timers.
    char shown = 0;
    const int timers = ::open("/proc/1/timers", O_RDONLY | O_CLOEXEC);
    tell("read /proc/1/timers", timers >= 0 && ::read(timers, &shown, 1) > 0);
    ::close(timers);
    // Some may be opened by anybody, and judge who writes.
    for (const char* name : {"oom_score_adj", "uid_map", "comm", "clear_refs", "coredump_filter",
                             "timerslack_ns", "autogroup", "sched"}) {
        const std::string path = std::string("/proc/1/") + name;
        const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
        tell("write " + path, fd >= 0 && ::write(fd, "1", 1) > 0);
        ::close(fd);
    }
    tell("kill init", ::kill(1, 0) == 0);
    try_call("ptrace init", [] { return ::ptrace(PTRACE_SEIZE, 1, nullptr, nullptr); });
    try_call("process_vm_readv init", [] {
        char byte = 0;
        iovec here{&byte, 1};
        iovec there{&byte, 1};
        return ::process_vm_readv(1, &here, 1, &there, 1, 0);
    });
    try_call("pidfd_getfd init", [] {
        const long pidfd = ::syscall(SYS_pidfd_open, 1, 0);
        return pidfd < 0 ? pidfd : ::syscall(SYS_pidfd_getfd, pidfd, 3, 0);
    });
}

/// Out of the root, by a handle, a mount, another root, a device.
void leave_root() {
    // struct file_handle: 8 bytes, of type 1, inode 2, which is the root of ext4.
    const unsigned handle[] = {8, 1, 2, 0};
    try_call("open_by_handle_at",
             [&] { return ::syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDONLY); });
    try_call("mount tmpfs", [] { return long{::mount("x", "/tmp", "tmpfs", 0, nullptr)}; });
    try_call("mount proc", [] { return long{::mount("x", "/tmp", "proc", 0, nullptr)}; });
    try_call("mount cgroup2", [] { return long{::mount("x", "/tmp", "cgroup2", 0, nullptr)}; });
    try_call("remount / rw",
             [] { return long{::mount("", "/", "", MS_REMOUNT | MS_BIND, nullptr)}; });
    try_call("umount /proc/sys", [] { return long{::umount2("/proc/sys", MNT_DETACH)}; });
    try_call("umount /tmp", [] { return long{::umount2("/tmp", MNT_DETACH)}; });
    try_call("fsopen", [] { return ::syscall(SYS_fsopen, "tmpfs", 0); });
    try_call("open_tree", [] { return ::syscall(SYS_open_tree, AT_FDCWD, "/", 1); });
    try_call("move_mount",
             [] { return ::syscall(SYS_move_mount, AT_FDCWD, "/tmp", -1, "/run", 0); });
    try_call("pivot_root", [] { return ::syscall(SYS_pivot_root, "/tmp", "/tmp"); });
    try_call("chroot", [] { return long{::chroot("/tmp")}; });
    for (const int flag : {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC,
                           CLONE_NEWUTS, CLONE_NEWCGROUP})
        try_call("unshare " + std::to_string(flag), [flag] { return long{::unshare(flag)}; });
    try_call("clone newuser",
             [] { return ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0); });
    try_call("clone newuser, high bits set", [] {
        return ::syscall(SYS_clone, 0x100000000UL | CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    });
    try_call("setns", [] {
        const int own = ::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
        return own < 0 ? -1L : long{::setns(own, 0)};
    });
    for (const char* directory : {"/tmp", "/dev/shm", "/run", "/dev"})
        for (const mode_t kind : {mode_t{S_IFBLK}, mode_t{S_IFCHR}}) {
            const std::string path = std::string(directory) + "/node";
            try_call("mknod " + path, [&] {
                return long{
                    ::mknod(path.c_str(), kind | 0666, makedev(kind == S_IFBLK ? 8 : 1, 1))};
            });
        }
    try_call("sethostname", [] { return long{::sethostname("x", 1)}; });
    try_call("settimeofday", [] {
        const timeval now{};
        return ::syscall(SYS_settimeofday, &now, nullptr);
    });
}

/// CVE-2017-5226 and CVE-2019-7303: keys pushed into a terminal, on whatever descriptor 0 is.
void inject_keys() {
    char key = 'x';
    unsigned char paste = 3;
    const unsigned long high = 0xdeadbeef00000000UL;
    try_call("TIOCSTI", [&] { return ::syscall(SYS_ioctl, 0, TIOCSTI, &key); });
    try_call("TIOCSTI, high bits set",
             [&] { return ::syscall(SYS_ioctl, 0, high | TIOCSTI, &key); });
    try_call("TIOCLINUX", [&] { return ::syscall(SYS_ioctl, 0, TIOCLINUX, &paste); });
    try_call("TIOCLINUX, high bits set",
             [&] { return ::syscall(SYS_ioctl, 0, high | TIOCLINUX, &paste); });
    // As a session leader without a terminal it may take one that is nobody's.
    if (std::getenv("TAKE_TERMINAL") != nullptr)
        try_call("TIOCSCTTY", [] {
            ::setsid();
            return long{::ioctl(0, TIOCSCTTY, 1)};
        });
}

void gain_privilege() {
    for (int capability = 0; capability < 41; ++capability) {
        if (::prctl(PR_CAPBSET_READ, capability) != 0)
            std::printf("SUCCEEDED bounding set holds %d\n", capability);
        if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) == 1)
            std::printf("SUCCEEDED ambient set holds %d\n", capability);
    }
    try_call("setuid 0", [] { return long{::setresuid(0, 0, 0)}; });
    try_call("setgid 0", [] { return long{::setresgid(0, 0, 0)}; });
    try_call("setgroups", [] { return ::syscall(SYS_setgroups, 0, nullptr); });
    try_call("setuid to the next shard", [] {
        const uid_t next = ::getuid() + 1;
        return long{::setresuid(next, next, next)};
    });
    try_call("chown to root", [] {
        (void)::close(::open("/tmp/mine", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        return long{::chown("/tmp/mine", 0, 0)};
    });
    try_call("capset", [] {
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        __user_cap_data_struct sets[2] = {{1, 1, 1}, {0, 0, 0}};
        return ::syscall(SYS_capset, &header, sets);
    });
    try_call("clear no_new_privs", [] { return long{::prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0)}; });
    try_call("oom_score_adj -1", [] {
        std::ofstream file("/proc/self/oom_score_adj");
        file << "-1" << std::flush;
        return file ? 0L : -1L;
    });
}

void use_kernel_surface() {
    try_call("bpf", [] { return ::syscall(SYS_bpf, 0, nullptr, 0); });
    try_call("io_uring_setup", [] {
        char parameters[128] = {};
        return ::syscall(SYS_io_uring_setup, 4, parameters);
    });
    try_call("userfaultfd", [] { return ::syscall(SYS_userfaultfd, 1); });
    try_call("perf_event_open",
             [] { return ::syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0); });
    try_call("keyctl join", [] { return ::syscall(SYS_keyctl, 1, nullptr); });
    try_call("keyctl session id", [] { return ::syscall(SYS_keyctl, 0, -3, 0); });
    try_call("add_key", [] { return ::syscall(SYS_add_key, "user", "x", "y", 1, -3); });
    try_call("request_key", [] { return ::syscall(SYS_request_key, "user", "x", nullptr, -3); });
    try_call("kexec_load", [] { return ::syscall(SYS_kexec_load, 0, 0, nullptr, 0); });
    try_call("init_module", [] { return ::syscall(SYS_init_module, nullptr, 0, ""); });
    try_call("iopl", [] { return ::syscall(SYS_iopl, 3); });
    try_call("x32 getpid", [] { return ::syscall(0x40000000L | SYS_getpid); });
    try_call("i386 getpid", [] {
        long result = 20;
        __asm__ volatile("int $0x80" : "+a"(result) : : "memory");
        return result;
    });
    const auto make_socket = [](const char* name, int family, int type, int protocol) {
        try_call(name, [=] { return long{::socket(family, type, protocol)}; });
    };
    make_socket("AF_VSOCK", AF_VSOCK, SOCK_STREAM, 0);
    make_socket("AF_ALG", AF_ALG, SOCK_SEQPACKET, 0);
    make_socket("AF_PACKET", AF_PACKET, SOCK_RAW, 0);
    make_socket("raw IP", AF_INET, SOCK_RAW, IPPROTO_ICMP);
    make_socket("audit", AF_NETLINK, SOCK_RAW, 9);
}

/// Every place that can be written and is not the program's own; every file that tells of the host.
void walk(const std::string& path, int depth) {
    DIR* directory = ::opendir(path.c_str());
    if (directory == nullptr) return;
    const std::string probe = path + "/written-by-a-shard";
    const int made = ::open(probe.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (made >= 0) {
        std::printf("SUCCEEDED create in %s\n", path.c_str());
        ::close(made);
        ::unlink(probe.c_str());
    }
    while (const dirent* entry = ::readdir(directory)) {
        const std::string name = static_cast<const char*>(entry->d_name);
        const std::string below = path + (path == "/" ? "" : "/") + name;
        struct stat status {};
        if (name == "." || name == ".." || ::lstat(below.c_str(), &status) != 0) continue;
        if (S_ISBLK(status.st_mode)) std::printf("SUCCEEDED see block device %s\n", below.c_str());
        if (S_ISSOCK(status.st_mode)) std::printf("SUCCEEDED see socket %s\n", below.c_str());
        const bool is_own = below == "/tmp" || below == "/run" || below == "/dev/shm" ||
                            (path == "/proc" && std::isdigit(name[0]) != 0) ||
                            below == "/proc/self" || below == "/proc/thread-self";
        if (S_ISREG(status.st_mode)) {
            const int fd = ::open(below.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK);
            if (fd >= 0) std::printf("SUCCEEDED open for writing %s\n", below.c_str());
            ::close(fd);
        }
        if (S_ISDIR(status.st_mode) && !is_own && depth > 0) walk(below, depth - 1);
    }
    ::closedir(directory);
}

void survey_host() {
    for (const char* path : {"/etc/shadow",
                             "/etc/gshadow",
                             "/etc/sudoers",
                             "/etc/ssh",
                             "/etc/machine-id",
                             "/root/.ssh",
                             "/root/.bashrc",
                             "/home",
                             "/boot",
                             "/var/lib/dpkg",
                             "/var/log",
                             "/mnt",
                             "/opt",
                             "/srv",
                             "/media",
                             "/run/docker.sock",
                             "/var/run/docker.sock",
                             "/run/containerd/containerd.sock",
                             "/run/crio/crio.sock",
                             "/run/podman/podman.sock",
                             "/run/systemd",
                             "/run/dbus",
                             "/run/shardrun",
                             "/var/run/secrets/kubernetes.io",
                             "/etc/kubernetes",
                             "/sys/fs/cgroup",
                             "/sys/kernel",
                             "/sys/class",
                             "/sys/firmware",
                             "/sys/module",
                             "/dev/kmsg",
                             "/dev/mem",
                             "/dev/kvm",
                             "/dev/fuse",
                             "/dev/net/tun",
                             "/dev/sda",
                             "/dev/vda",
                             "/dev/loop-control",
                             "/dev/console",
                             "/dev/tty1",
                             "/dev/mapper",
                             "/.dockerenv",
                             "/lost+found"})
        tell(std::string("find ") + path, ::access(path, F_OK) == 0);
    for (const char* path : {"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sysrq-trigger",
                             "/proc/kallsyms", "/proc/sched_debug", "/proc/interrupts"}) {
        const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
        char byte = 0;
        errno = ENODATA;
        tell(std::string("read ") + path, fd >= 0 && ::read(fd, &byte, 1) > 0);
        ::close(fd);
    }
    // The deeper parts of /usr are on one read-only mount, as the mount table's test proves.
    walk("/", 3);
    for (const char* path : {"/proc/sys", "/proc/fs", "/proc/irq", "/proc/bus", "/sys"})
        walk(path, 8);
}

/// CVE-2016-9962: looks into every process that appears, until killed. Only what is not yet a
/// program of this shard counts: its /proc/PID/exe is still the runtime's.
void watch_newcomers() {
    std::printf("watching\n");
    (void)std::fflush(stdout);
    for (unsigned round = 0;; ++round) {
        for (pid_t pid = 2; pid < 400; ++pid) {
            if (pid == ::getpid()) continue;
            const std::string base = "/proc/" + std::to_string(pid);
            const int mem = ::open((base + "/mem").c_str(), O_RDWR | O_CLOEXEC);
            const int fds = ::open((base + "/fd/3").c_str(), O_RDWR | O_CLOEXEC);
            char exe[256] = {};
            const ssize_t size = ::readlink((base + "/exe").c_str(), exe, sizeof(exe) - 1);
            if (size > 0 && std::strstr(exe, "memfd") != nullptr)
                std::printf("SUCCEEDED look into %d: %s mem %d fd %d\n", pid, exe, mem, fds);
            // Only the runtime's sockets are numbered 3 there: a program is given 0, 1 and 2.
            if (fds >= 0) std::printf("SUCCEEDED take descriptor 3 of %d\n", pid);
            if (::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0)
                std::printf("SUCCEEDED trace %d\n", pid);
            ::close(mem);
            ::close(fds);
        }
        if (round % 16 == 0) (void)std::fflush(stdout);
    }
}

/// Links where a careless host-side helper would write or look.
void plant_links() {
    const auto plant = [](const char* target, const char* path) {
        (void)::unlink(path);
        tell(std::string("plant ") + path, ::symlink(target, path) != 0);
    };
    plant("/etc/shadow", "/tmp/link");
    plant("/", "/tmp/root");
    plant("/proc/self/exe", "/run/passwd");
    plant("/proc/1/root/etc/shadow", "/run/group");
    plant("/etc", "/dev/shm/etc");
    for (const char* path : {"/tmp", "/run", "/dev/shm", "/dev", "/proc", "/blobs", "/etc/passwd",
                             "/dev/null", "/dev/ptmx", "/dev/pts"}) {
        const std::string aside = std::string(path) + "-aside";
        tell(std::string("move away ") + path, ::rename(path, aside.c_str()) == 0);
        tell(std::string("remove ") + path, ::unlink(path) == 0 || ::rmdir(path) == 0);
    }
}

/// An abstract socket: `listen NAME` or `connect NAME`.
int abstract_socket(const std::string& verb, const std::string& name) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path + 1, sizeof(address.sun_path) - 1);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    const auto* where = reinterpret_cast<const sockaddr*>(&address);
    if (verb == "connect") {
        tell("connect to another shard's abstract socket", ::connect(fd, where, length) == 0);
        return 0;
    }
    if (::bind(fd, where, length) != 0 || ::listen(fd, 8) != 0) return 1;
    std::printf("listening\n");
    (void)std::fflush(stdout);
    ::pause();
    return 0;
}

/// Stops and continues its parent's child, the program itself, without end.
void stop_and_continue() {
    const pid_t self = ::getpid();
    std::printf("restless\n");
    (void)std::fflush(stdout);
    if (::fork() != 0)
        for (;;) ::pause();
    for (;;) {
        ::kill(self, SIGSTOP);
        ::kill(self, SIGCONT);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::map<std::string, void (*)()> attacks{
        {"overwrite-runtime", overwrite_runtime},
        {"read-init", read_init},
        {"leave-root", leave_root},
        {"inject-keys", inject_keys},
        {"gain-privilege", gain_privilege},
        {"use-kernel-surface", use_kernel_surface},
        {"survey-host", survey_host},
        {"watch-newcomers", watch_newcomers},
        {"plant-links", plant_links},
        {"stop-and-continue", stop_and_continue},
    };
    if (argc == 3) return abstract_socket(argv[1], argv[2]);
    const auto attack = argc == 2 ? attacks.find(argv[1]) : attacks.end();
    if (attack == attacks.end()) return 2;
    attack->second();
    return 0;
}
