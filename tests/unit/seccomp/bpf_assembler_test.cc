#include "seccomp/bpf_assembler.h"

#include <doctest/doctest.h>

#include "seccomp/evaluate.h"

using namespace shardrun::seccomp;

namespace {

constexpr std::uint32_t kNumber = 0;  // Offset of the call's number.

Action result_of(BpfAssembler&& out, int number) {
    const auto filter = std::move(out).finish();
    REQUIRE(verify_filter(filter));
    return evaluate(filter, {number, AUDIT_ARCH_X86_64, 0, {}});
}

// Instructions that are there only to be in between.
void add_filling(BpfAssembler& out, std::size_t count) {
    BpfAssembler::Label next = out.ret(Action::trap);
    while (out.size() < count) next = out.load(kNumber, next);
}

}  // namespace

TEST_CASE("a conditional jump reaches its targets however much lies in between") {
    for (std::size_t distance = 3; distance < 600; ++distance)
        for (const int number : {1, 2}) {
            BpfAssembler out;
            const auto yes = out.ret(Action::allow);
            const auto no = out.ret(Action::log);
            add_filling(out, distance);
            out.load(kNumber, out.if_equal(1, yes, no));
            CHECK(result_of(std::move(out), number) == (number == 1 ? Action::allow : Action::log));
        }
}

TEST_CASE("a load goes on at its target, be it next or further on") {
    for (std::size_t between = 0; between < 300; ++between) {
        BpfAssembler out;
        auto target = out.if_equal(7, out.ret(Action::allow), out.ret(Action::log));
        for (std::size_t i = 0; i < between; ++i) {
            // Another return each, so that none is shared.
            out.ret(errno_action(static_cast<std::uint16_t>(i)));
        }
        out.load(kNumber, target);
        CHECK(result_of(std::move(out), 7) == Action::allow);
    }
}

TEST_CASE("a branch with one target is no instruction, and returns nearby are shared") {
    BpfAssembler out;
    const auto allow = out.ret(Action::allow);
    CHECK(out.ret(Action::allow) == allow);
    CHECK(out.if_greater(5, allow, allow) == allow);
    CHECK(out.size() == 1);
    add_filling(out, 200);
    CHECK(out.ret(Action::allow) != allow);
}
