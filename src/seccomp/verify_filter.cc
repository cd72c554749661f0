#include <algorithm>
#include <cstddef>

#include "base/fail.h"
#include "seccomp/compile.h"
#include "seccomp/evaluate.h"

namespace shardrun::seccomp {
namespace {

// What seccomp_check_filter() and bpf_check_basics_ok() of the kernel let through, but for NEG and
// shifts, which no filter needs.
constexpr std::uint16_t kKnownCodes[] = {
    BPF_LD | BPF_W | BPF_ABS,
    BPF_LD | BPF_W | BPF_LEN,
    BPF_LDX | BPF_W | BPF_LEN,
    BPF_LD | BPF_IMM,
    BPF_LDX | BPF_IMM,
    BPF_LD | BPF_MEM,
    BPF_LDX | BPF_MEM,
    BPF_ST,
    BPF_STX,
    BPF_MISC | BPF_TAX,
    BPF_MISC | BPF_TXA,
    BPF_RET | BPF_K,
    BPF_RET | BPF_A,
    BPF_ALU | BPF_ADD | BPF_K,
    BPF_ALU | BPF_ADD | BPF_X,
    BPF_ALU | BPF_SUB | BPF_K,
    BPF_ALU | BPF_SUB | BPF_X,
    BPF_ALU | BPF_MUL | BPF_K,
    BPF_ALU | BPF_MUL | BPF_X,
    BPF_ALU | BPF_DIV | BPF_X,
    BPF_ALU | BPF_AND | BPF_K,
    BPF_ALU | BPF_AND | BPF_X,
    BPF_ALU | BPF_OR | BPF_K,
    BPF_ALU | BPF_OR | BPF_X,
    BPF_ALU | BPF_XOR | BPF_K,
    BPF_ALU | BPF_XOR | BPF_X,
    BPF_JMP | BPF_JA,
    BPF_JMP | BPF_JEQ | BPF_K,
    BPF_JMP | BPF_JEQ | BPF_X,
    BPF_JMP | BPF_JGE | BPF_K,
    BPF_JMP | BPF_JGE | BPF_X,
    BPF_JMP | BPF_JGT | BPF_K,
    BPF_JMP | BPF_JGT | BPF_X,
    BPF_JMP | BPF_JSET | BPF_K,
    BPF_JMP | BPF_JSET | BPF_X,
};

bool is_known_code(std::uint16_t code) {
    return std::ranges::find(kKnownCodes, code) != std::end(kKnownCodes);
}

bool uses_memory(std::uint16_t code) {
    return code == (BPF_LD | BPF_MEM) || code == (BPF_LDX | BPF_MEM) || code == BPF_ST ||
           code == BPF_STX;
}

bool is_valid(const sock_filter& insn, std::size_t instructions_after) {
    if (!is_known_code(insn.code)) return false;
    if (insn.code == (BPF_LD | BPF_W | BPF_ABS))
        return insn.k % 4 == 0 && insn.k < sizeof(seccomp_data);
    if (uses_memory(insn.code)) return insn.k < BPF_MEMWORDS;
    if (insn.code == (BPF_JMP | BPF_JA)) return insn.k < instructions_after;
    if (BPF_CLASS(insn.code) == BPF_JMP)
        return insn.jt < instructions_after && insn.jf < instructions_after;
    return true;
}

}  // namespace

Result<void> verify_filter(std::span<const sock_filter> filter) {
    if (filter.empty()) return refuse(EINVAL, "a filter without instructions decides nothing");
    if (filter.size() > kFilterInstructionsMax)
        return refuse(E2BIG, "a filter of {} instructions is longer than the kernel's {}",
                      filter.size(), kFilterInstructionsMax);
    for (std::size_t i = 0; i < filter.size(); ++i)
        if (!is_valid(filter[i], filter.size() - i - 1))
            return refuse(EINVAL, "instruction {} of the filter is not one that the kernel takes",
                          i);
    if (BPF_CLASS(filter.back().code) != BPF_RET)
        return refuse(EINVAL, "the filter's last instruction does not return");
    return {};
}

}  // namespace shardrun::seccomp
