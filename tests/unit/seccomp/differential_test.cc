// Our compiler against libseccomp's. SR_SEED=n tries other random profiles.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <linux/capability.h>

#include <cstdlib>
#include <string>

#include "oracle.h"
#include "random_profile.h"
#include "samples.h"
#include "seccomp/compile.h"
#include "seccomp/evaluate.h"

using namespace shardrun::seccomp;
using namespace shardrun::seccomp::test;

namespace {

std::mt19937_64 seeded() {
    const char* text = std::getenv("SR_SEED");
    return std::mt19937_64(text == nullptr ? 1 : std::stoull(text));
}

FilterProgram compiled(const Profile& profile) {
    auto program = compile(profile);
    REQUIRE_MESSAGE(program, (program ? "" : program.error().message));
    return *std::move(program);
}

// A call on which the two disagree, in words; empty when they agree on all.
template <class Expected>
std::string disagreement(const std::vector<sock_filter>& filter,
                         const std::vector<seccomp_data>& calls, Expected expected) {
    for (const seccomp_data& call : calls) {
        const Action ours = evaluate(filter, call);
        const Action theirs = expected(call);
        if (ours != theirs)
            return fmt::format("{}: ours {:08x}, libseccomp's {:08x}", describe(call),
                               to_word(ours), to_word(theirs));
    }
    return "";
}

// libseccomp applies a rule with conditions to socketcall(2) and ipc(2) as if their arguments were
// the multiplexed call's; ours does not (call_table.cc), so these two are left out.
void drop_multiplexers(std::vector<seccomp_data>& calls) {
    std::erase_if(calls, [](const seccomp_data& call) {
        return call.arch == AUDIT_ARCH_I386 && (call.nr == 102 || call.nr == 117);
    });
}

std::string difference_from_oracle(const Profile& profile, Width width, std::mt19937_64& random) {
    const Oracle oracle(profile);
    std::vector<seccomp_data> calls = sample_calls(profile, width, random);
    drop_multiplexers(calls);
    return disagreement(compiled(profile).instructions, calls,
                        [&](const seccomp_data& call) { return oracle.decide(call); });
}

constexpr std::uint64_t bit(int capability) {
    return std::uint64_t{1} << capability;
}

const std::uint64_t kCapabilitySets[] = {
    0,
    bit(CAP_SYS_ADMIN),
    bit(CAP_SYS_PTRACE) | bit(CAP_SYS_CHROOT),
    bit(CAP_NET_RAW) | bit(CAP_NET_ADMIN),
    bit(CAP_AUDIT_WRITE) | bit(CAP_SYS_TIME) | bit(CAP_SYS_NICE) | bit(CAP_SYSLOG),
    ~std::uint64_t{0},
};

const RandomProfileShape kShapes[] = {
    {{Arch::x86_64}, false, false},
    {{Arch::x86_64}, true, false},
    {{Arch::x86_64, Arch::x86}, false, true},
    {{Arch::x86_64, Arch::x32}, false, true},
    {{Arch::x86_64, Arch::x86, Arch::x32}, true, true},
    {{Arch::aarch64}, false, false},
    {{Arch::aarch64, Arch::arm}, false, true},
};

}  // namespace

TEST_CASE(
    "the built-in profile is what libseccomp makes of its rules, for every set of capabilities") {
    auto random = seeded();
    for (const std::uint64_t capabilities : kCapabilitySets) {
        const Profile profile = builtin_profile({capabilities, {6, 1}, kNativeArch});
        CHECK(difference_from_oracle(profile, Width::all_64_bits, random) == "");
    }
}

TEST_CASE("random profiles for all sorts of arches are what libseccomp makes of each rule") {
    auto random = seeded();
    for (const RandomProfileShape& shape : kShapes) {
        const Width width = shape.compares_32_bits_only ? Width::low_32_bits : Width::all_64_bits;
        for (int i = 0; i < 12; ++i)
            CHECK(difference_from_oracle(random_profile(shape, random), width, random) == "");
    }
}

TEST_CASE("profiles that libseccomp takes as one filter compile to the same decisions") {
    auto random = seeded();
    for (int i = 0; i < 40; ++i) {
        const RandomProfileShape shape{{Arch::x86_64}, true, false};
        const Profile profile = random_profile(shape, random);
        const auto theirs = compile_with_libseccomp(profile);
        const auto calls = sample_calls(profile, Width::all_64_bits, random);
        CHECK(disagreement(compiled(profile).instructions, calls,
                           [&](const seccomp_data& call) { return evaluate(theirs, call); }) == "");
    }
}

TEST_CASE("any one instruction of the built-in filter gone wrong is noticed") {
    auto random = seeded();
    const Profile profile = builtin_profile({});
    const Oracle oracle(profile);
    const auto calls = sample_calls(profile, Width::all_64_bits, random);
    std::vector<Action> expected;
    for (const seccomp_data& call : calls) expected.push_back(oracle.decide(call));
    const std::vector<sock_filter> good = compiled(profile).instructions;
    for (std::size_t i = 0; i < good.size(); ++i) {
        std::vector<sock_filter> bad = good;
        if (BPF_CLASS(bad[i].code) == BPF_JMP && BPF_OP(bad[i].code) != BPF_JA)
            std::swap(bad[i].jt, bad[i].jf);
        else if (BPF_CLASS(bad[i].code) == BPF_JMP)
            --bad[i].k;
        else if (BPF_CLASS(bad[i].code) == BPF_LD)
            bad[i].k ^= 4;
        else
            bad[i].k ^= 1;
        std::size_t at = 0;
        while (at < calls.size() && evaluate(bad, calls[at]) == expected[at]) ++at;
        CHECK_MESSAGE(at < calls.size(), "instruction ", i, " can change unnoticed");
    }
}
