#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <map>
#include <vector>

#include "seccomp/action.h"

namespace shardrun::seccomp {

/// Writes a classic BPF program from its end to its beginning. Jumps only go forward, so every
/// target is already written when a jump to it is, and its distance is known; one too far for the 8
/// bits of a conditional jump goes through an unconditional jump that is put in between.
class BpfAssembler {
 public:
    /// An instruction already written, counted from the program's end.
    using Label = std::size_t;

    /// A return of `action`: the nearest one written, or a new one when that is far away.
    Label ret(Action action);
    /// Loads the 32-bit word at `offset` of seccomp_data and goes on at `next`.
    Label load(std::uint32_t offset, Label next);
    /// Masks the loaded word and goes on at `next`.
    Label mask(std::uint32_t bits, Label next);
    /// Conditional jumps on the loaded word, unsigned.
    Label if_equal(std::uint32_t value, Label yes, Label no);
    Label if_greater(std::uint32_t value, Label yes, Label no);
    Label if_at_least(std::uint32_t value, Label yes, Label no);

    std::size_t size() const { return reversed_.size(); }
    /// The program, which begins at the instruction written last.
    std::vector<sock_filter> finish() &&;

 private:
    Label emit(std::uint16_t code, std::uint32_t k, std::uint8_t jt = 0, std::uint8_t jf = 0);
    Label branch(std::uint16_t code, std::uint32_t value, Label yes, Label no);
    void make_next(Label target);
    Label within_reach(Label target);

    std::vector<sock_filter> reversed_;
    std::map<Action, Label> returns_;
};

}  // namespace shardrun::seccomp
