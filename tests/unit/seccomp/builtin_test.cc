#include <doctest/doctest.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "samples.h"
#include "seccomp/builtin_calls.h"
#include "seccomp/compile.h"
#include "seccomp/evaluate.h"
#include "seccomp/syscall_names.h"

using namespace shardrun::seccomp;
using namespace shardrun::seccomp::test;

namespace {

constexpr std::uint64_t bit(int capability) {
    return std::uint64_t{1} << capability;
}

/// The built-in filter for some capabilities.
class Builtin {
 public:
    explicit Builtin(std::uint64_t capabilities = 0)
        : filter_(compile(builtin_profile({capabilities, {6, 1}, Arch::x86_64}))->instructions) {}

    Action operator()(std::string_view name, std::array<std::uint64_t, 6> args = {}) const {
        const auto bindings = bindings_of(std::string(name), Arch::x86_64);
        REQUIRE_MESSAGE(bindings.size() == 1, name);
        return number(bindings.front().number, args);
    }
    Action number(std::uint32_t number, std::array<std::uint64_t, 6> args = {}) const {
        seccomp_data call{static_cast<int>(number), AUDIT_ARCH_X86_64, 0, {}};
        std::ranges::copy(args, call.args);
        return evaluate(filter_, call);
    }

 private:
    std::vector<sock_filter> filter_;
};

/// Constants of the kernel's headers are `int`; arguments are not.
struct Words : std::vector<std::uint64_t> {
    Words(std::initializer_list<long> values)
        : std::vector<std::uint64_t>(values.begin(), values.end()) {}
};

constexpr Action kEperm = errno_action(EPERM);
constexpr Action kEnosys = errno_action(ENOSYS);
constexpr std::uint64_t kHigh = std::uint64_t{1} << 40;  // A bit that the kernel ignores in an int.

std::string read_data(const std::string& name) {
    std::ifstream file(SR_SOURCE_ROOT "/tests/unit/seccomp/data/" + name);
    std::stringstream text;
    text << file.rdbuf();
    REQUIRE(!text.str().empty());
    return text.str();
}

}  // namespace

TEST_CASE("every call that the kernel has is decided by name, exactly once") {
    // Numbers in the table that no kernel implements: they get what the kernel would say, ENOSYS.
    const std::set<std::string> unimplemented{"create_module", "get_kernel_syms", "query_module",
                                              "getpmsg",       "putpmsg",         "afs_syscall",
                                              "tuxcall",       "security",        "vserver"};
    const std::set<std::string> by_arguments{"clone", "unshare", "socket", "ioctl", "personality"};
    std::map<std::string, int> decided;
    for (const std::string_view name : builtin_allowed()) ++decided[std::string(name)];
    for (const DeniedCall& call : builtin_denied()) ++decided[std::string(call.name)];
    for (const std::string& name : by_arguments) ++decided[name];
    for (const std::string& name : unimplemented) ++decided[name];
    for (const auto& [name, times] : decided) CHECK_MESSAGE(times == 1, name);
    for (std::uint32_t number = 0; number <= 600; ++number) {
        const auto name = name_of(number, Arch::x86_64);
        if (name) CHECK_MESSAGE(decided.contains(*name), *name);
    }
    for (const auto& [name, times] : decided)
        CHECK_MESSAGE(!bindings_of(name, Arch::x86_64).empty(), name);
}

TEST_CASE("a shard without capabilities gets each refusal of the table, whatever the arguments") {
    const Builtin filter;
    for (const DeniedCall& call : builtin_denied()) {
        CAPTURE(call.name);
        CHECK(!call.reason.empty());
        const Action expected = errno_action(static_cast<std::uint16_t>(call.code));
        CHECK(filter(call.name) == expected);
        CHECK(filter(call.name, {~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull}) == expected);
    }
    for (const std::string_view name : builtin_allowed()) CHECK(filter(name) == Action::allow);
}

TEST_CASE("numbers that nobody knows get ENOSYS") {
    const Builtin filter;
    for (std::uint32_t number = 0; number < 0x40000000; number += number < 1000 ? 1 : 99991)
        if (!name_of(number, Arch::x86_64)) CHECK(filter.number(number) == kEnosys);
}

TEST_CASE("no capability opens io_uring, keyrings, userfaultfd, kexec, pivot_root or clone3") {
    const Builtin all(~std::uint64_t{0});
    for (const char* name : {"io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl",
                             "add_key", "request_key", "userfaultfd", "kexec_load",
                             "kexec_file_load", "pivot_root", "swapon", "swapoff"})
        CHECK_MESSAGE(all(name) == kEperm, name);
    CHECK(all("clone3") == kEnosys);
}

TEST_CASE("new namespaces need CAP_SYS_ADMIN, and a user namespace is never to be had") {
    constexpr std::uint64_t kThread =
        CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SETTLS;
    const Builtin plain;
    const Builtin admin(bit(CAP_SYS_ADMIN));
    CHECK(plain("clone", {kThread}) == Action::allow);
    CHECK(plain("clone", {SIGCHLD}) == Action::allow);
    CHECK(plain("unshare", {CLONE_FILES}) == kEperm);
    CHECK(plain("setns") == kEperm);
    for (const std::uint64_t flag : Words{CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                          CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET}) {
        const bool is_user = flag == CLONE_NEWUSER;
        CHECK(plain("clone", {flag | SIGCHLD}) == kEperm);
        CHECK(plain("clone", {flag | kThread | kHigh}) == kEperm);
        CHECK(plain("unshare", {flag}) == kEperm);
        CHECK(admin("clone", {flag | SIGCHLD}) == (is_user ? kEperm : Action::allow));
        CHECK(admin("unshare", {flag | kHigh}) == (is_user ? kEperm : Action::allow));
    }
    CHECK(admin("setns") == Action::allow);
    CHECK(admin("mount") == Action::allow);
}

TEST_CASE("nothing can be typed into a terminal, not even with high bits set") {
    const Builtin filter(~std::uint64_t{0});
    for (const std::uint64_t request : Words{TIOCSTI, TIOCLINUX, TIOCSETD}) {
        CHECK(filter("ioctl", {0, request}) == kEperm);
        CHECK(filter("ioctl", {0, request | kHigh}) == kEperm);
        CHECK(filter("ioctl", {0, request | ~std::uint64_t{0xffffffff}}) == kEperm);
    }
    for (const std::uint64_t request : Words{TCGETS, TIOCGWINSZ, TIOCSCTTY, FIONBIO})
        CHECK(filter("ioctl", {0, request}) == Action::allow);
}

TEST_CASE("only local, internet and routing sockets can be made") {
    const Builtin filter;
    for (const std::uint64_t family : Words{AF_UNIX, AF_INET, AF_INET6}) {
        CHECK(filter("socket", {family, SOCK_STREAM}) == Action::allow);
        CHECK(filter("socket", {family | kHigh, SOCK_DGRAM | SOCK_CLOEXEC}) == Action::allow);
    }
    for (std::uint64_t family = 0; family < 64; ++family) {
        const bool usual = family == AF_UNIX || family == AF_INET || family == AF_INET6;
        if (usual || family == AF_NETLINK) continue;
        CHECK(filter("socket", {family, SOCK_RAW}) == kEperm);
        CHECK(filter("socket", {family | kHigh, SOCK_RAW}) == kEperm);
    }
    CHECK(filter("socket", {AF_NETLINK, SOCK_RAW, 0}) == Action::allow);  // NETLINK_ROUTE
    CHECK(filter("socket", {AF_NETLINK, SOCK_RAW, 9 | kHigh}) == errno_action(EPROTONOSUPPORT));
    CHECK(filter("socket", {AF_NETLINK, SOCK_RAW, 16}) == kEperm);
    CHECK(filter("socket", {AF_INET, SOCK_PACKET}) == kEperm);
    CHECK(filter("socket", {AF_INET, SOCK_PACKET | SOCK_CLOEXEC | kHigh}) == kEperm);
}

TEST_CASE("network capabilities open their sockets, but never the hypervisor's or the kernel's") {
    const Builtin filter(bit(CAP_NET_RAW) | bit(CAP_NET_ADMIN) | bit(CAP_AUDIT_WRITE));
    CHECK(filter("socket", {AF_PACKET, SOCK_RAW, 0}) == Action::allow);
    CHECK(filter("socket", {AF_INET, SOCK_PACKET, 0}) == Action::allow);
    CHECK(filter("socket", {AF_NETLINK, SOCK_RAW, 12}) == Action::allow);  // NETLINK_NETFILTER
    CHECK(filter("socket", {AF_NETLINK, SOCK_RAW, 9}) == Action::allow);   // NETLINK_AUDIT
    CHECK(filter("socket", {AF_VSOCK, SOCK_STREAM, 0}) == kEperm);
    CHECK(filter("socket", {AF_ALG, SOCK_SEQPACKET, 0}) == kEperm);
}

TEST_CASE("only harmless personalities can be set") {
    const Builtin filter(~std::uint64_t{0});
    for (const std::uint64_t persona : Words{0x0, 0x8, 0x20000, 0x20008})
        CHECK(filter("personality", {persona}) == Action::allow);
    CHECK(filter("personality", {0xffffffff}) == Action::allow);
    CHECK(filter("personality", {~std::uint64_t{0}}) == Action::allow);
    CHECK(filter("personality", {0x40000}) == kEperm);   // ADDR_NO_RANDOMIZE
    CHECK(filter("personality", {0x100000}) == kEperm);  // MMAP_PAGE_ZERO
    CHECK(filter("personality", {0x400000}) == kEperm);  // READ_IMPLIES_EXEC
}

TEST_CASE("each capability opens its calls and no others") {
    for (int capability = 0; capability <= CAP_LAST_CAP; ++capability) {
        const Builtin filter(bit(capability));
        for (const DeniedCall& call : builtin_denied()) {
            const bool opened = (call.opened_by & bit(capability)) != 0;
            CHECK_MESSAGE((filter(call.name) == Action::allow) == opened, call.name, " with ",
                          capability);
        }
    }
    CHECK(Builtin(bit(CAP_SYS_PTRACE))("ptrace") == Action::allow);
    CHECK(Builtin(bit(CAP_SYS_CHROOT))("chroot") == Action::allow);
    CHECK(Builtin(bit(CAP_BPF))("bpf") == Action::allow);
}

TEST_CASE("the built-in profile written in Docker's format means the same") {
    const std::string text = read_data("docker-format.json");
    for (const std::uint64_t capabilities :
         {std::uint64_t{0}, bit(CAP_SYS_ADMIN), bit(CAP_NET_RAW) | bit(CAP_AUDIT_READ),
          bit(CAP_NET_ADMIN) | bit(CAP_SYS_TIME), ~std::uint64_t{0}}) {
        const ProfileContext context{capabilities, {6, 1}, Arch::x86_64};
        const Profile builtin = builtin_profile(context);
        const auto written = load_profile(text, context);
        REQUIRE_MESSAGE(written, (written ? "" : written.error().message));
        CHECK(written->warnings.empty());
        const auto ours = compile(builtin);
        std::mt19937_64 random(1);
        for (const seccomp_data& call : sample_calls(builtin, Width::all_64_bits, random)) {
            const bool is_native = call.arch == AUDIT_ARCH_X86_64 && call.nr < 0x40000000;
            const auto name = name_of(static_cast<std::uint32_t>(call.nr), Arch::x86_64);
            // The format cannot say ENOSYS for numbers without a name below the newest.
            if (!is_native || !name || evaluate(ours->instructions, call) == kEnosys) continue;
            const Action same = evaluate(written->instructions, call);
            CHECK_MESSAGE(same == evaluate(ours->instructions, call), describe(call));
        }
    }
}

TEST_CASE("the filter that was compiled while building is the built-in profile's") {
    for (const std::uint64_t capabilities : {std::uint64_t{0}, bit(CAP_SYS_ADMIN)}) {
        const ProfileContext context{capabilities, {6, 1}, kNativeArch};
        const auto loaded = load_profile("", context);
        REQUIRE(loaded);
        CHECK(*loaded == *compile(builtin_profile(context)));
    }
    const auto foreign = load_profile("", {0, {6, 1}, Arch::aarch64});
    CHECK(*foreign == *compile(builtin_profile({0, {6, 1}, Arch::aarch64})));
}

TEST_CASE("the built-in filter is short enough to load fast") {
    CHECK(compile(builtin_profile({}))->instructions.size() < 200);
    CHECK(compile(builtin_profile({~std::uint64_t{0}, {6, 1}, kNativeArch}))->instructions.size() <
          200);
}

TEST_CASE("the built-in profile holds on aarch64 as well") {
    const auto program = compile(builtin_profile({0, {6, 1}, Arch::aarch64}));
    REQUIRE(program);
    CHECK(program->filter_allows_launch);
    const auto says = [&](const char* name) {
        const auto number = static_cast<int>(bindings_of(name, Arch::aarch64).at(0).number);
        return evaluate(program->instructions, {number, AUDIT_ARCH_AARCH64, 0, {}});
    };
    CHECK(says("openat") == Action::allow);
    CHECK(says("mount") == kEperm);
    CHECK(says("clone3") == kEnosys);
    CHECK(evaluate(program->instructions, {0, AUDIT_ARCH_X86_64, 0, {}}) == Action::kill_process);
}
