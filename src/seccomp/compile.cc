#include "seccomp/compile.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

#include "base/fail.h"
#include "seccomp/bpf_assembler.h"
#include "seccomp/call_table.h"
#include "seccomp/evaluate.h"
#include "seccomp/launch_calls.h"

namespace shardrun::seccomp {
namespace {

using Label = BpfAssembler::Label;

// BPF words are 32 bits, arguments 64; both arches we run on are little-endian.
struct Halves {
    std::uint32_t low;
    std::uint32_t high;
};

Halves halves(std::uint64_t value) {
    return {static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(value >> 32)};
}

std::uint32_t low_offset(unsigned index) {
    return static_cast<std::uint32_t>(offsetof(seccomp_data, args)) + 8 * index;
}
std::uint32_t high_offset(unsigned index) {
    return low_offset(index) + 4;
}

Label emit_equal(BpfAssembler& out, const ArgCheck& check, Label yes, Label no) {
    const Halves value = halves(check.value);
    const Label low = out.load(low_offset(check.index), out.if_equal(value.low, yes, no));
    return out.load(high_offset(check.index), out.if_equal(value.high, low, no));
}

// Greater than, or at least with `or_equal`: the low halves count only when the high ones are
// equal.
Label emit_above(BpfAssembler& out, const ArgCheck& check, bool or_equal, Label yes, Label no) {
    const Halves value = halves(check.value);
    const Label compared =
        or_equal ? out.if_at_least(value.low, yes, no) : out.if_greater(value.low, yes, no);
    const Label low = out.load(low_offset(check.index), compared);
    const Label same_high = out.if_equal(value.high, low, no);
    return out.load(high_offset(check.index), out.if_greater(value.high, yes, same_high));
}

Label emit_masked_half(BpfAssembler& out, std::uint32_t offset, std::uint32_t mask,
                       std::uint32_t value, Label yes, Label no) {
    if (mask == 0) return yes;
    const Label compared = out.if_equal(value, yes, no);
    return out.load(offset, mask == 0xffffffff ? compared : out.mask(mask, compared));
}

Label emit_masked_equal(BpfAssembler& out, const ArgCheck& check, Label yes, Label no) {
    const Halves value = halves(check.value & check.mask);
    const Halves mask = halves(check.mask);
    const Label low = emit_masked_half(out, low_offset(check.index), mask.low, value.low, yes, no);
    return emit_masked_half(out, high_offset(check.index), mask.high, value.high, low, no);
}

Label emit_check(BpfAssembler& out, const ArgCheck& check, Label yes, Label no) {
    switch (check.op) {
        case CompareOp::eq:
            return emit_equal(out, check, yes, no);
        case CompareOp::ne:
            return emit_equal(out, check, no, yes);
        case CompareOp::gt:
            return emit_above(out, check, false, yes, no);
        case CompareOp::le:
            return emit_above(out, check, false, no, yes);
        case CompareOp::ge:
            return emit_above(out, check, true, yes, no);
        case CompareOp::lt:
            return emit_above(out, check, true, no, yes);
        case CompareOp::masked_eq:
            return emit_masked_equal(out, check, yes, no);
    }
    SR_ASSERT(false);
    return no;
}

Label emit_decision(BpfAssembler& out, const Decision& decision) {
    Label next = out.ret(decision.otherwise);
    for (auto one = decision.cases.rbegin(); one != decision.cases.rend(); ++one) {
        Label target = out.ret(one->action);
        for (auto check = one->args.rbegin(); check != one->args.rend(); ++check)
            target = emit_check(out, *check, target, next);
        next = target;
    }
    return next;
}

// A balanced tree of comparisons: as many steps as the logarithm of the number of ranges.
Label emit_tree(BpfAssembler& out, std::span<const CallRange> ranges) {
    if (ranges.size() == 1) return emit_decision(out, ranges.front().decision);
    const std::size_t middle = ranges.size() / 2;
    const Label upper = emit_tree(out, ranges.subspan(middle));
    const Label lower = emit_tree(out, ranges.first(middle));
    return out.if_at_least(ranges[middle].first, upper, lower);
}

std::vector<sock_filter> assemble(const std::vector<CallTable>& tables) {
    BpfAssembler out;
    Label next = out.ret(Action::kill_process);  // An arch that the profile does not list.
    for (auto table = tables.rbegin(); table != tables.rend(); ++table) {
        const Label tree = out.load(offsetof(seccomp_data, nr), emit_tree(out, table->ranges));
        next = out.if_equal(table->audit_arch, tree, next);
    }
    out.load(offsetof(seccomp_data, arch), next);
    return std::move(out).finish();
}

}  // namespace

bool operator==(const FilterProgram& a, const FilterProgram& b) {
    const std::size_t bytes = a.instructions.size() * sizeof(sock_filter);
    return a.load_flags == b.load_flags && a.filter_allows_launch == b.filter_allows_launch &&
           a.instructions.size() == b.instructions.size() &&
           (bytes == 0 || std::memcmp(a.instructions.data(), b.instructions.data(), bytes) == 0);
}

Result<FilterProgram> compile(const Profile& profile) {
    if (profile.arches.empty())
        return refuse(EINVAL, "a profile for no architecture would end every process");
    FilterProgram program;
    program.instructions = assemble(plan_calls(profile));
    if (program.instructions.size() > kFilterInstructionsMax)
        return refuse(E2BIG,
                      "the profile needs {} filter instructions and the kernel takes {}; give it "
                      "fewer argument conditions or architectures",
                      program.instructions.size(), kFilterInstructionsMax);
    SR_DO(verify_filter(program.instructions));
    program.load_flags = profile.load_flags;
    program.filter_allows_launch = allows_launch(program.instructions, profile.arches.front());
    program.warnings = profile.warnings;
    return program;
}

}  // namespace shardrun::seccomp
