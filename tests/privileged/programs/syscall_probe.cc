// Tries every call that the built-in seccomp profile refuses, and every number that it does not
// know, and tells what the kernel said. For the inside of a shard:
//
//     syscall_probe
//
// prints one JSON object a line:
//
//     {"call":"socket AF_VSOCK","number":41,"args":[40,1,0,0,0,0],"errno":1,"signal":0}
//
// `errno` 0: the call succeeded. `signal` 31 (SIGSYS): a process that made it was ended. To judge a
// line, evaluate the shard's filter (seccomp/evaluate.h) for the number and the arguments: where
// the filter returns an errno it must be this one, where it ends the process the signal must be 31
// (such lines are of "x86" or "x32", and name no number of the native kind). A caller knows by the
// last line, {"call":"end"}, that nothing cut the probe short.
//
// Arguments are such that a call that is not refused fails all the same, with EBADF, EFAULT or
// EINVAL: all ones unless said otherwise. But vhangup(2) has none: do not run it as root without a
// filter. There is no libc: it would make calls of its own, and a
// filter may refuse any but write(2), wait4(2), exit_group(2), and clone(2) as a fork.
#include <asm/ioctls.h>
#include <asm/unistd.h>
#include <linux/sched.h>
#include <linux/socket.h>

namespace {

using Word = unsigned long;

constexpr Word kOnes = ~0UL;
constexpr Word kHigh = 1UL << 40;  // A bit that the kernel ignores in an `int`.
constexpr Word kSigchld = 17;
constexpr int kErrnoMax = 4095;

struct Probe {
    const char* call;
    Word number;
    Word args[6];
};

Word make_call(Word number, const Word (&args)[6]) {
#if defined(__x86_64__)
    Word result = number;
    register Word r10 asm("r10") = args[3];
    register Word r8 asm("r8") = args[4];
    register Word r9 asm("r9") = args[5];
    asm volatile("syscall"
                 : "+a"(result)
                 : "D"(args[0]), "S"(args[1]), "d"(args[2]), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register Word x8 asm("x8") = number;
    register Word x0 asm("x0") = args[0];
    register Word x1 asm("x1") = args[1];
    register Word x2 asm("x2") = args[2];
    register Word x3 asm("x3") = args[3];
    register Word x4 asm("x4") = args[4];
    register Word x5 asm("x5") = args[5];
    asm volatile("svc 0"
                 : "+r"(x0)
                 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                 : "memory");
    return x0;
#endif
}

int errno_of(Word result) {
    const long value = static_cast<long>(result);
    return value < 0 && value >= -kErrnoMax ? static_cast<int>(-value) : 0;
}

[[noreturn]] void leave() {
    for (;;) make_call(__NR_exit_group, {0, 0, 0, 0, 0, 0});
}

// What is refused whatever its arguments; made with all ones.
constexpr Probe kRefused[] = {
#define SR_CALL(name)                                \
    {                                                \
#name, __NR_##name, {                        \
            kOnes, kOnes, kOnes, kOnes, kOnes, kOnes \
        }                                            \
    }
    SR_CALL(io_uring_setup),
    SR_CALL(io_uring_enter),
    SR_CALL(io_uring_register),
    SR_CALL(bpf),
    SR_CALL(perf_event_open),
    SR_CALL(userfaultfd),
    SR_CALL(init_module),
    SR_CALL(finit_module),
    SR_CALL(delete_module),
    SR_CALL(kexec_load),
    SR_CALL(kexec_file_load),
    SR_CALL(add_key),
    SR_CALL(request_key),
    SR_CALL(keyctl),
    SR_CALL(ptrace),
    SR_CALL(process_vm_readv),
    SR_CALL(process_vm_writev),
    SR_CALL(process_madvise),
    SR_CALL(pidfd_getfd),
    SR_CALL(kcmp),
    SR_CALL(move_pages),
    SR_CALL(migrate_pages),
    SR_CALL(mount),
    SR_CALL(umount2),
    SR_CALL(pivot_root),
    SR_CALL(chroot),
    SR_CALL(open_tree),
    SR_CALL(move_mount),
    SR_CALL(fsopen),
    SR_CALL(fsconfig),
    SR_CALL(fsmount),
    SR_CALL(fspick),
    SR_CALL(mount_setattr),
    SR_CALL(setns),
    SR_CALL(clone3),
    SR_CALL(open_by_handle_at),
    SR_CALL(fanotify_init),
    SR_CALL(fanotify_mark),
    SR_CALL(lookup_dcookie),
    SR_CALL(quotactl),
    SR_CALL(quotactl_fd),
    SR_CALL(memfd_secret),
    SR_CALL(reboot),
    SR_CALL(swapon),
    SR_CALL(swapoff),
    SR_CALL(acct),
    SR_CALL(settimeofday),
    SR_CALL(clock_settime),
    SR_CALL(sethostname),
    SR_CALL(setdomainname),
    SR_CALL(syslog),
    SR_CALL(vhangup),
    SR_CALL(mbind),
    SR_CALL(get_mempolicy),
    SR_CALL(set_mempolicy),
    SR_CALL(set_mempolicy_home_node),
#if defined(__x86_64__)
    SR_CALL(iopl),
    SR_CALL(ioperm),
    SR_CALL(modify_ldt),
    SR_CALL(sysfs),
    SR_CALL(ustat),
    SR_CALL(uselib),
    SR_CALL(nfsservctl),
    SR_CALL(_sysctl),
#endif
#undef SR_CALL
// Newer than Debian 12's headers; the same on every arch.
#define SR_CALL(name, number)                        \
    {                                                \
#name, number, {                             \
            kOnes, kOnes, kOnes, kOnes, kOnes, kOnes \
        }                                            \
    }
    SR_CALL(cachestat, 451),
    SR_CALL(statmount, 457),
    SR_CALL(listmount, 458),
    SR_CALL(lsm_get_self_attr, 459),
    SR_CALL(lsm_set_self_attr, 460),
    SR_CALL(lsm_list_modules, 461),
    SR_CALL(open_tree_attr, 467),
    SR_CALL(file_setattr, 469),
    SR_CALL(listns, 470),
#undef SR_CALL
};

// What the arguments decide, each also with a high bit that only a careless filter looks at.
constexpr Probe kRefusedByArguments[] = {
    {"ioctl TIOCSTI", __NR_ioctl, {kOnes, TIOCSTI, kOnes, 0, 0, 0}},
    {"ioctl TIOCSTI high", __NR_ioctl, {kOnes, TIOCSTI | kHigh, kOnes, 0, 0, 0}},
    {"ioctl TIOCLINUX", __NR_ioctl, {kOnes, TIOCLINUX, kOnes, 0, 0, 0}},
    {"ioctl TIOCLINUX high", __NR_ioctl, {kOnes, TIOCLINUX | kHigh, kOnes, 0, 0, 0}},
    {"ioctl TIOCSETD", __NR_ioctl, {kOnes, TIOCSETD, kOnes, 0, 0, 0}},
    {"socket AF_VSOCK", __NR_socket, {40, 1, 0, 0, 0, 0}},
    {"socket AF_VSOCK high", __NR_socket, {40 | kHigh, 1, 0, 0, 0, 0}},
    {"socket AF_ALG", __NR_socket, {38, 5, 0, 0, 0, 0}},
    {"socket AF_PACKET", __NR_socket, {17, 3, 0, 0, 0, 0}},
    {"socket AF_INET SOCK_PACKET", __NR_socket, {2, 10, 0, 0, 0, 0}},
    {"socket AF_BLUETOOTH", __NR_socket, {31, 3, 0, 0, 0, 0}},
    {"socket AF_NETLINK NETLINK_AUDIT", __NR_socket, {16, 3, 9, 0, 0, 0}},
    {"socket AF_NETLINK NETLINK_AUDIT high", __NR_socket, {16, 3, 9 | kHigh, 0, 0, 0}},
    {"socket AF_NETLINK NETLINK_NETFILTER", __NR_socket, {16, 3, 12, 0, 0, 0}},
    {"personality ADDR_NO_RANDOMIZE", __NR_personality, {0x40000, 0, 0, 0, 0, 0}},
    {"personality READ_IMPLIES_EXEC", __NR_personality, {0x400000, 0, 0, 0, 0, 0}},
    {"unshare nothing", __NR_unshare, {0, 0, 0, 0, 0, 0}},
    {"unshare CLONE_NEWUSER", __NR_unshare, {CLONE_NEWUSER, 0, 0, 0, 0, 0}},
    {"unshare CLONE_NEWNS", __NR_unshare, {CLONE_NEWNS, 0, 0, 0, 0, 0}},
    {"unshare CLONE_NEWTIME", __NR_unshare, {0x80, 0, 0, 0, 0, 0}},
    {"clone CLONE_NEWNS", __NR_clone, {CLONE_NEWNS | kSigchld, 0, 0, 0, 0, 0}},
    {"clone CLONE_NEWCGROUP", __NR_clone, {CLONE_NEWCGROUP | kSigchld, 0, 0, 0, 0, 0}},
    {"clone CLONE_NEWUTS", __NR_clone, {CLONE_NEWUTS | kSigchld, 0, 0, 0, 0, 0}},
    {"clone CLONE_NEWIPC", __NR_clone, {CLONE_NEWIPC | kSigchld, 0, 0, 0, 0, 0}},
    {"clone CLONE_NEWUSER", __NR_clone, {CLONE_NEWUSER | kSigchld, 0, 0, 0, 0, 0}},
    {"clone CLONE_NEWUSER high", __NR_clone, {CLONE_NEWUSER | kSigchld | kHigh, 0, 0, 0, 0, 0}},
    {"clone CLONE_NEWPID", __NR_clone, {CLONE_NEWPID | kSigchld, 0, 0, 0, 0, 0}},
    {"clone CLONE_NEWNET", __NR_clone, {CLONE_NEWNET | kSigchld, 0, 0, 0, 0, 0}},
};

// Let through, so that a filter that refuses everything is not taken for a good one.
constexpr Probe kAllowed[] = {
    {"getpid", __NR_getpid, {0, 0, 0, 0, 0, 0}},
    {"read", __NR_read, {kOnes, 0, 0, 0, 0, 0}},
    {"ioctl TCGETS", __NR_ioctl, {kOnes, TCGETS, kOnes, 0, 0, 0}},
    {"socket AF_INET", __NR_socket, {2, kOnes, 0, 0, 0, 0}},
    {"personality query", __NR_personality, {0xffffffff, 0, 0, 0, 0, 0}},
    {"clone", __NR_clone, {kSigchld, 0, 0, 0, 0, 0}},
};

/// One line of output, written at once.
class Line {
 public:
    Line& text(const char* words) {
        while (*words != '\0') put(*words++);
        return *this;
    }
    Line& number(Word value) {
        if (value >= 10) number(value / 10);
        put(static_cast<char>('0' + value % 10));
        return *this;
    }
    void write() {
        put('\n');
        for (Word done = 0; done < size_;) {
            const Word from = reinterpret_cast<Word>(bytes_) + done;
            const Word result = make_call(__NR_write, {1, from, size_ - done, 0, 0, 0});
            if (errno_of(result) != 0) leave();
            done += result;
        }
    }

 private:
    void put(char c) {
        if (size_ < sizeof(bytes_)) bytes_[size_++] = c;
    }

    char bytes_[512];
    Word size_ = 0;
};

void report(const Probe& probe, int code, int signal) {
    Line line;
    line.text("{\"call\":\"").text(probe.call).text("\",\"number\":").number(probe.number);
    line.text(",\"args\":[");
    for (int i = 0; i < 6; ++i) line.text(i == 0 ? "" : ",").number(probe.args[i]);
    line.text("],\"errno\":").number(static_cast<Word>(code));
    line.text(",\"signal\":").number(static_cast<Word>(signal)).text("}").write();
}

int wait_for(Word pid) {
    int status = 0;
    make_call(__NR_wait4, {pid, reinterpret_cast<Word>(&status), 0, 0, 0, 0});
    return status & 0x7f;
}

void run(const Probe& probe) {
    const Word result = make_call(probe.number, probe.args);
    // A clone that was let through came back twice.
    if (probe.number == __NR_clone && errno_of(result) == 0) {
        if (result == 0) leave();
        wait_for(result);
    }
    report(probe, errno_of(result), 0);
}

template <class Probes>
void run_all(const Probes& probes) {
    for (const Probe& probe : probes) run(probe);
}

// Numbers without a call behind them, on x86_64 with a gap for the old x32 numbers.
void run_unknown_numbers() {
    for (Word number = 472; number < 700; ++number)
        if (number < 512 || number > 547)
            run({"unknown", number, {kOnes, kOnes, kOnes, kOnes, kOnes, kOnes}});
    run({"unknown", 0xffff, {kOnes, kOnes, kOnes, kOnes, kOnes, kOnes}});
}

#if defined(__x86_64__)
// getpid as 32-bit programs make it.
Word make_x86_call() {
    Word result = 20;
    asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return result;
}

Word make_x32_call() {
    return make_call(0x40000000 | __NR_getpid, {0, 0, 0, 0, 0, 0});
}

void run_foreign(const char* name, Word (*call)()) {
    const Word pid = make_call(__NR_clone, {kSigchld, 0, 0, 0, 0, 0});
    if (pid == 0) {
        call();
        leave();
    }
    if (errno_of(pid) != 0) return report({name, 0, {}}, errno_of(pid), 0);
    report({name, 0, {}}, 0, wait_for(pid));
}
#endif

}  // namespace

extern "C" [[noreturn]] void probe_main() {
    run_all(kRefused);
    run_all(kRefusedByArguments);
    run_all(kAllowed);
    run_unknown_numbers();
#if defined(__x86_64__)
    run_foreign("x86", make_x86_call);
    run_foreign("x32", make_x32_call);
#endif
    Line().text("{\"call\":\"end\"}").write();
    leave();
}

#if defined(__x86_64__)
asm(".globl _start\n_start:\n xor %ebp, %ebp\n and $-16, %rsp\n call probe_main\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start:\n bl probe_main\n");
#endif
