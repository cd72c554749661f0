// What harden_process does to a process, seen from the kernel's side. Each case hardens a child.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <string>

#include "privileged/needs.h"
#include "supervisor/harden.h"
#include "supervisor/harden_plan.h"

namespace shardrun::test {

const Needs kNeeds{};

namespace {

// True when `claim` holds in a hardened child.
bool holds_hardened(const std::function<bool()>& claim) {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) ::_exit(supervisor::harden_process({}) ? (claim() ? 0 : 1) : 2);
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::map<std::string, std::string> own_status(const char* path = "/proc/self/status") {
    std::map<std::string, std::string> status;
    std::ifstream file(path);
    std::string name;
    std::string value;
    while (std::getline(file, name, '\t') && std::getline(file, value)) status[name] = value;
    return status;
}

std::uint64_t bits_of(const char* name) {
    return std::stoull(own_status().at(name), nullptr, 16);
}

// A container may lack some of what would be kept.
std::uint64_t expected_capabilities() {
    return supervisor::kept_capabilities({}) & bits_of("CapPrm:");
}

TEST_CASE("a hardened process keeps the planned capabilities and an empty bounding set") {
    const std::uint64_t kept = expected_capabilities();
    CHECK(holds_hardened([=] {
        return bits_of("CapEff:") == kept && bits_of("CapPrm:") == kept &&
               bits_of("CapInh:") == kept && bits_of("CapBnd:") == 0 && bits_of("CapAmb:") == 0;
    }));
}

TEST_CASE("a program that it executes as root gets what it keeps, which a zygote needs, no more") {
    char text[96];
    (void)std::snprintf(text, sizeof text, "grep -q '^CapPrm:.%016llx$' /proc/self/status",
                        static_cast<unsigned long long>(expected_capabilities()));
    CHECK(holds_hardened([&] {
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::execl("/bin/sh", "sh", "-c", text, nullptr);
            ::_exit(2);
        }
        int status = 0;
        return ::waitpid(pid, &status, 0) == pid && status == 0;
    }));
}

TEST_CASE("it refuses itself modules and keys, and still mounts") {
    CHECK(holds_hardened([] {
        const bool module_refused = ::syscall(SYS_finit_module, -1, "", 0) == -1 && errno == EPERM;
        const bool key_refused =
            ::syscall(SYS_add_key, "user", "x", "y", 1, -3) == -1 && errno == EPERM;
        return module_refused && key_refused && ::unshare(CLONE_NEWNS) == 0 &&
               ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    }));
}

TEST_CASE(
    "it gains nothing by an exec, and is the last to be killed for memory where it may say so") {
    const bool may_lower = (bits_of("CapEff:") >> CAP_SYS_RESOURCE & 1U) != 0;
    CHECK(holds_hardened([=] {
        std::ifstream file("/proc/self/oom_score_adj");
        int score = 0;
        file >> score;
        const auto status = own_status();
        return (score == -999 || !may_lower) && status.at("NoNewPrivs:") == "1" &&
               status.at("Seccomp:") == "2";
    }));
}

}  // namespace
}  // namespace shardrun::test
