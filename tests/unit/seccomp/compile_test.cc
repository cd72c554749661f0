#include "seccomp/compile.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <random>

#include "model.h"
#include "samples.h"
#include "seccomp/evaluate.h"
#include "seccomp/syscall_names.h"

using namespace shardrun::seccomp;
using namespace shardrun::seccomp::test;

namespace {

seccomp_data call_of(const char* name, std::array<std::uint64_t, 6> args = {},
                     Arch arch = Arch::x86_64) {
    seccomp_data call{};
    call.nr = static_cast<int>(bindings_of(name, arch).at(0).number);
    call.arch = static_cast<std::uint32_t>(arch);
    std::ranges::copy(args, call.args);
    return call;
}

Profile profile_with(std::vector<Rule> rules, Action default_action = errno_action(1)) {
    Profile profile;
    profile.default_action = default_action;
    profile.arches = {Arch::x86_64};
    profile.rules = std::move(rules);
    return profile;
}

std::vector<sock_filter> filter_of(const Profile& profile) {
    auto program = compile(profile);
    REQUIRE_MESSAGE(program, (program ? "" : program.error().message));
    return program->instructions;
}

void check_against_definition(const Profile& profile, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto filter = filter_of(profile);
    for (const seccomp_data& call : sample_calls(profile, Width::all_64_bits, random)) {
        const bool listed =
            std::ranges::find(profile.arches, Arch{call.arch}) != profile.arches.end();
        const bool is_x32 = call.arch == AUDIT_ARCH_X86_64 &&
                            static_cast<std::uint32_t>(call.nr) >= 0x40000000 && call.nr != -1;
        if (!listed || is_x32) continue;
        const Action ours = evaluate(filter, call);
        const Action meant = decide_by_definition(profile, call);
        if (ours == meant) continue;
        FAIL_CHECK(describe(call), ": ", to_word(ours), " instead of ", to_word(meant));
        return;
    }
}

}  // namespace

TEST_CASE("each operator compares all 64 bits, unsigned") {
    constexpr std::uint64_t kValue = 0x1'80000000;
    for (const CompareOp op : {CompareOp::ne, CompareOp::lt, CompareOp::le, CompareOp::eq,
                               CompareOp::ge, CompareOp::gt, CompareOp::masked_eq})
        for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{5}, kValue,
                                          std::uint64_t{0xffffffff}, ~std::uint64_t{0}})
            for (unsigned index = 0; index < 6; ++index)
                check_against_definition(
                    profile_with({{{"personality"}, Action::allow, {{index, op, value}}}}), index);
}

TEST_CASE("a masked comparison looks at the masked bits only, and at all of them") {
    constexpr std::uint64_t kHalf = 0xffffffff;
    for (const std::uint64_t mask : {std::uint64_t{0}, kHalf, ~kHalf, std::uint64_t{0x7e020000},
                                     std::uint64_t{1} << 63 | 1, ~std::uint64_t{0}})
        for (const std::uint64_t value :
             {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 63, std::uint64_t{0x20000},
              ~std::uint64_t{0}}) {
            const ArgCheck check{2, CompareOp::masked_eq, value, mask};
            check_against_definition(profile_with({{{"kill"}, Action::allow, {check}}}),
                                     mask ^ value);
        }
}

TEST_CASE("all conditions of a rule must hold, and any of several rules is enough") {
    const Rule narrow{{"socket"},
                      Action::allow,
                      {{0, CompareOp::eq, 2}, {1, CompareOp::lt, 3}, {2, CompareOp::ne, 9}}};
    const Rule other{{"socket"}, Action::allow, {{0, CompareOp::eq, 1}}};
    const auto filter = filter_of(profile_with({narrow, other}));
    CHECK(evaluate(filter, call_of("socket", {2, 2, 0})) == Action::allow);
    CHECK(evaluate(filter, call_of("socket", {1, 9, 9})) == Action::allow);
    CHECK(evaluate(filter, call_of("socket", {2, 2, 9})) == errno_action(1));
    CHECK(evaluate(filter, call_of("socket", {2, 3, 0})) == errno_action(1));
    CHECK(evaluate(filter, call_of("socket", {10, 2, 0})) == errno_action(1));
}

TEST_CASE("two conditions on the same argument of one rule must both hold") {
    const Profile range = profile_with(
        {{{"kill"}, Action::allow, {{1, CompareOp::ge, 5}, {1, CompareOp::lt, 0x100000009}}}});
    check_against_definition(range, 7);
    const auto filter = filter_of(range);
    CHECK(evaluate(filter, call_of("kill", {0, 4})) == errno_action(1));
    CHECK(evaluate(filter, call_of("kill", {0, 5})) == Action::allow);
    CHECK(evaluate(filter, call_of("kill", {0, 0x100000009})) == errno_action(1));
}

TEST_CASE("when rules disagree the strictest wins, whether it has conditions or not") {
    const Rule allow{{"ioctl"}, Action::allow, {}};
    const Rule refuse{{"ioctl"}, errno_action(25), {{1, CompareOp::masked_eq, 0x5412, 0xffffffff}}};
    for (const auto& rules : {std::vector{allow, refuse}, std::vector{refuse, allow}}) {
        const auto filter = filter_of(profile_with(rules));
        CHECK(evaluate(filter, call_of("ioctl", {0, 0x5412})) == errno_action(25));
        CHECK(evaluate(filter, call_of("ioctl", {0, 0xffffffff00005412})) == errno_action(25));
        CHECK(evaluate(filter, call_of("ioctl", {0, 0x5413})) == Action::allow);
    }
    const Rule kill{{"ioctl"}, Action::kill_process, {}};
    const auto filter = filter_of(profile_with({allow, refuse, kill}));
    CHECK(evaluate(filter, call_of("ioctl", {0, 0x5412})) == Action::kill_process);
}

TEST_CASE("calls of an arch that is not listed, and x32's, end the process") {
    const auto filter = filter_of(profile_with({{{"getpid"}, Action::allow, {}}}, Action::allow));
    CHECK(evaluate(filter, call_of("getpid")) == Action::allow);
    for (const Arch arch : {Arch::x86, Arch::aarch64, Arch::arm})
        CHECK(evaluate(filter, call_of("getpid", {}, arch)) == Action::kill_process);
    seccomp_data x32 = call_of("getpid");
    x32.nr |= 0x40000000;
    CHECK(evaluate(filter, x32) == Action::kill_process);
    seccomp_data skipped_by_a_tracer = call_of("getpid");
    skipped_by_a_tracer.nr = -1;
    CHECK(evaluate(filter, skipped_by_a_tracer) == Action::allow);
}

TEST_CASE("a multiplexed x86 call is never let through on conditions that cannot be seen") {
    Profile profile = profile_with({{{"socket"}, Action::allow, {{0, CompareOp::eq, 1}}},
                                    {{"bind"}, Action::allow, {}},
                                    {{"listen"}, errno_action(13), {{1, CompareOp::gt, 9}}}});
    profile.arches = {Arch::x86_64, Arch::x86};
    check_against_definition(profile, 3);
    const auto filter = filter_of(profile);
    const auto socketcall = [&](std::uint64_t which) {
        return evaluate(filter, call_of("socketcall", {which, 1}, Arch::x86));
    };
    CHECK(socketcall(1) == errno_action(1));   // socket: its family lies in memory
    CHECK(socketcall(2) == Action::allow);     // bind
    CHECK(socketcall(4) == errno_action(13));  // listen: refused whatever the backlog
    CHECK(socketcall(3) == errno_action(1));   // connect
}

TEST_CASE("what is newer than every name of a profile gets the newer call's action") {
    Profile profile = profile_with({{{"read", "openat2"}, Action::allow, {}}});
    profile.newer_call_action = errno_action(38);
    seccomp_data call = call_of("openat2");
    CHECK(evaluate(filter_of(profile), call) == Action::allow);
    ++call.nr;
    CHECK(evaluate(filter_of(profile), call) == errno_action(38));
    profile.other_known_names = {"mseal"};
    CHECK(evaluate(filter_of(profile), call) == errno_action(1));
    CHECK(evaluate(filter_of(profile), call_of("mseal")) == errno_action(1));
    CHECK(evaluate(filter_of(profile), call_of("setxattrat")) == errno_action(38));
}

TEST_CASE("a filter with jumps over more than 255 instructions decides like a short one") {
    std::vector<Rule> rules;
    for (std::uint32_t number = 0; number < 300; number += 2) {
        const auto name = name_of(number, Arch::x86_64);
        if (!name) continue;
        Rule rule{{*name}, errno_action(static_cast<std::uint16_t>(1 + number)), {}};
        for (unsigned index = 0; index < 3; ++index)
            rule.args.push_back({index, CompareOp::gt, std::uint64_t{0x100000000} + number});
        rules.push_back(rule);
    }
    const Profile profile = profile_with(std::move(rules), Action::allow);
    CHECK(filter_of(profile).size() > 1500);
    check_against_definition(profile, 5);
}

TEST_CASE("a profile too large for the kernel is refused in one sentence") {
    std::vector<Rule> rules;
    for (std::uint64_t value = 0; value < 1500; ++value)
        rules.push_back({{"ioctl"}, Action::allow, {{1, CompareOp::eq, 3 * value}}});
    const auto program = compile(profile_with(std::move(rules)));
    REQUIRE(!program);
    CHECK(program.error().code == E2BIG);
    CHECK(program.error().message.find("the kernel takes 4096") != std::string::npos);
}

TEST_CASE("a profile for no arch is refused") {
    Profile profile = profile_with({});
    profile.arches.clear();
    CHECK(compile(profile).error().code == EINVAL);
}

TEST_CASE("the same profile always compiles to the same instructions") {
    const auto first = compile(builtin_profile({}));
    const auto second = compile(builtin_profile({}));
    REQUIRE(first);
    CHECK(*first == *second);
    const auto other = compile(builtin_profile({~std::uint64_t{0}, {6, 1}, kNativeArch}));
    CHECK(!(*first == *other));
}

TEST_CASE("a filter that refuses any call of a launch says so") {
    CHECK(compile(builtin_profile({}))->filter_allows_launch);
    const auto without = [](const char* name, std::vector<ArgCheck> args) {
        return compile(profile_with({{{name}, errno_action(1), std::move(args)}}, Action::allow))
            ->filter_allows_launch;
    };
    CHECK(without("getpid", {}));
    CHECK(!without("execve", {}));
    CHECK(!without("openat", {{2, CompareOp::eq, 77}}));
    CHECK(!without("ioctl", {{1, CompareOp::eq, 0x540e}}));
    CHECK(without("ioctl", {{1, CompareOp::eq, 0x5412}}));
    CHECK(compile(profile_with({}, Action::log))->filter_allows_launch);
    CHECK(!compile(profile_with({}, Action::trap))->filter_allows_launch);
}
