#include "seccomp/bpf_assembler.h"

#include <algorithm>

#include "base/fail.h"

namespace shardrun::seccomp {
namespace {

constexpr std::size_t kReachMax = 255;  // Instructions that a conditional jump can skip.

}  // namespace

BpfAssembler::Label BpfAssembler::emit(std::uint16_t code, std::uint32_t k, std::uint8_t jt,
                                       std::uint8_t jf) {
    reversed_.push_back(sock_filter{code, jt, jf, k});
    return reversed_.size() - 1;
}

BpfAssembler::Label BpfAssembler::ret(Action action) {
    // Half the reach: whatever is written before the jump to it may still lie in between.
    const auto known = returns_.find(action);
    if (known != returns_.end() && reversed_.size() - known->second <= kReachMax / 2)
        return known->second;
    const Label label = emit(BPF_RET | BPF_K, to_word(action));
    returns_[action] = label;
    return label;
}

// After this the next instruction written is directly followed by `target`, or by a jump to it.
void BpfAssembler::make_next(Label target) {
    SR_ASSERT(target < reversed_.size());
    const std::size_t skipped = reversed_.size() - 1 - target;
    if (skipped > 0) emit(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(skipped));
}

BpfAssembler::Label BpfAssembler::load(std::uint32_t offset, Label next) {
    make_next(next);
    return emit(BPF_LD | BPF_W | BPF_ABS, offset);
}

BpfAssembler::Label BpfAssembler::mask(std::uint32_t bits, Label next) {
    make_next(next);
    return emit(BPF_ALU | BPF_AND | BPF_K, bits);
}

BpfAssembler::Label BpfAssembler::within_reach(Label target) {
    SR_ASSERT(target < reversed_.size());
    // The other target's detour may come in between: keep one instruction in hand.
    if (reversed_.size() - 1 - target < kReachMax) return target;
    return emit(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(reversed_.size() - 1 - target));
}

BpfAssembler::Label BpfAssembler::branch(std::uint16_t code, std::uint32_t value, Label yes,
                                         Label no) {
    if (yes == no) return yes;
    yes = within_reach(yes);
    no = within_reach(no);
    const std::size_t last = reversed_.size() - 1;
    SR_ASSERT(last - yes <= kReachMax && last - no <= kReachMax);
    return emit(BPF_JMP | BPF_K | code, value, static_cast<std::uint8_t>(last - yes),
                static_cast<std::uint8_t>(last - no));
}

BpfAssembler::Label BpfAssembler::if_equal(std::uint32_t value, Label yes, Label no) {
    return branch(BPF_JEQ, value, yes, no);
}

BpfAssembler::Label BpfAssembler::if_greater(std::uint32_t value, Label yes, Label no) {
    return branch(BPF_JGT, value, yes, no);
}

BpfAssembler::Label BpfAssembler::if_at_least(std::uint32_t value, Label yes, Label no) {
    return branch(BPF_JGE, value, yes, no);
}

std::vector<sock_filter> BpfAssembler::finish() && {
    std::reverse(reversed_.begin(), reversed_.end());
    return std::move(reversed_);
}

}  // namespace shardrun::seccomp
