#include <doctest/doctest.h>
#include <linux/capability.h>
#include <sys/syscall.h>

#include <cerrno>

#include "seccomp/compile.h"
#include "seccomp/evaluate.h"
#include "supervisor/harden_plan.h"

namespace shardrun::supervisor {
namespace {

seccomp::Action verdict(const Config& config, long number, std::uint64_t first_argument = 0) {
    const auto program = seccomp::compile(supervisor_profile(config));
    REQUIRE(program);
    seccomp_data call{};
    call.nr = static_cast<int>(number);
    call.arch = static_cast<std::uint32_t>(seccomp::kNativeArch);
    call.args[0] = first_argument;
    return seccomp::evaluate(program->instructions, call);
}

constexpr seccomp::Action kRefused = seccomp::errno_action(EPERM);

TEST_CASE("the supervisor refuses itself what it never calls, and nothing that it does") {
    const Config config;
    for (const long number : {SYS_ptrace, SYS_kexec_load, SYS_finit_module, SYS_swapon, SYS_reboot,
                              SYS_process_vm_writev, SYS_io_uring_setup, SYS_add_key})
        CHECK(verdict(config, number) == kRefused);
    for (const long number : {SYS_openat, SYS_mount, SYS_bpf, SYS_clone3, SYS_execve, SYS_seccomp,
                              SYS_capset, SYS_epoll_pwait2, SYS_pivot_root, SYS_setns})
        CHECK(verdict(config, number) == seccomp::Action::allow);
}

TEST_CASE("a restarted zygote may leave the keyring, but nothing else is done to keys") {
    CHECK(verdict(Config(), SYS_keyctl, 1) == seccomp::Action::allow);
    CHECK(verdict(Config(), SYS_keyctl, 3) == seccomp::Action::allow);
    CHECK(verdict(Config(), SYS_keyctl, 11) == kRefused);
}

TEST_CASE("what a configured profile may open to shards is left open, the machine's state is not") {
    Config config;
    config.seccomp_profiles["debugger"] = "/etc/shardrun/debugger.json";
    CHECK(verdict(config, SYS_ptrace) == seccomp::Action::allow);
    CHECK(verdict(config, SYS_kexec_load) == kRefused);
    Config granting;
    granting.clients[1000].capabilities = {"CAP_SYS_PTRACE"};
    CHECK(verdict(granting, SYS_ptrace) == seccomp::Action::allow);
    CHECK(verdict(granting, SYS_finit_module) == kRefused);
}

TEST_CASE("capabilities that may be granted are kept, those that nobody needs are not") {
    const auto has = [](std::uint64_t bits, unsigned capability) {
        return (bits >> capability & 1U) != 0;
    };
    Config config;
    CHECK(has(kept_capabilities(config), CAP_SYS_ADMIN));
    CHECK_FALSE(has(kept_capabilities(config), CAP_SYS_MODULE));
    CHECK_FALSE(has(kept_capabilities(config), CAP_NET_RAW));
    config.default_client.capabilities = {"CAP_NET_RAW"};
    CHECK(has(kept_capabilities(config), CAP_NET_RAW));
}

}  // namespace
}  // namespace shardrun::supervisor
