#include "seccomp/evaluate.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>
#include <vector>

#include "base/fail.h"

namespace shardrun::seccomp {
namespace {

/// A register or memory word; absent: it depends on something unknown.
using Word = std::optional<std::uint32_t>;

struct Machine {
    Word a = 0;
    Word x = 0;
    std::array<Word, BPF_MEMWORDS> memory{};

    auto operator<=>(const Machine&) const = default;
};

constexpr std::size_t kDataWords = sizeof(seccomp_data) / 4;
/// seccomp_data as the words that a filter loads.
using DataWords = std::array<Word, kDataWords>;

DataWords words_of(const seccomp_data& call) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        const auto raw = std::bit_cast<std::array<std::uint32_t, kDataWords>>(call);
        return DataWords{Word(raw[I])...};
    }
    (std::make_index_sequence<kDataWords>());
}

DataWords words_of(const CallPattern& pattern) {
    DataWords words{};
    words[0] = static_cast<std::uint32_t>(pattern.number);
    // x32 calls are reported as x86_64's.
    const Arch arch = pattern.arch == Arch::x32 ? Arch::x86_64 : pattern.arch;
    words[1] = static_cast<std::uint32_t>(arch);
    for (std::size_t i = 0; i < pattern.args.size(); ++i) {
        const std::optional<std::uint64_t> arg = pattern.args[i];
        if (!arg) continue;
        words[4 + 2 * i] = static_cast<std::uint32_t>(*arg);
        words[5 + 2 * i] = static_cast<std::uint32_t>(*arg >> 32);
    }
    return words;
}

Word calculate(std::uint16_t operation, Word left, Word right) {
    if (!left || !right) return std::nullopt;
    const std::uint32_t a = *left;
    const std::uint32_t b = *right;
    switch (operation) {
        case BPF_ADD:
            return a + b;
        case BPF_SUB:
            return a - b;
        case BPF_MUL:
            return a * b;
        case BPF_DIV:
            return b == 0 ? 0 : a / b;
        case BPF_OR:
            return a | b;
        case BPF_AND:
            return a & b;
        case BPF_XOR:
            return a ^ b;
        case BPF_LSH:
            return b > 31 ? 0 : a << b;
        case BPF_RSH:
            return b > 31 ? 0 : a >> b;
        case BPF_NEG:
            return -a;
        default:
            SR_ASSERT(false);
            return std::nullopt;
    }
}

bool holds(std::uint16_t comparison, std::uint32_t a, std::uint32_t b) {
    switch (comparison) {
        case BPF_JEQ:
            return a == b;
        case BPF_JGT:
            return a > b;
        case BPF_JGE:
            return a >= b;
        case BPF_JSET:
            return (a & b) != 0;
        default:
            SR_ASSERT(false);
            return false;
    }
}

// Everything but jumps and returns.
void execute(const sock_filter& insn, const DataWords& data, Machine& machine) {
    const Word source = BPF_SRC(insn.code) == BPF_X ? machine.x : Word(insn.k);
    switch (insn.code) {
        case BPF_LD | BPF_W | BPF_ABS:
            machine.a = data[insn.k / 4];
            return;
        case BPF_LD | BPF_W | BPF_LEN:
            machine.a = sizeof(seccomp_data);
            return;
        case BPF_LDX | BPF_W | BPF_LEN:
            machine.x = sizeof(seccomp_data);
            return;
        case BPF_LD | BPF_IMM:
            machine.a = insn.k;
            return;
        case BPF_LDX | BPF_IMM:
            machine.x = insn.k;
            return;
        case BPF_LD | BPF_MEM:
            machine.a = machine.memory[insn.k];
            return;
        case BPF_LDX | BPF_MEM:
            machine.x = machine.memory[insn.k];
            return;
        case BPF_ST:
            machine.memory[insn.k] = machine.a;
            return;
        case BPF_STX:
            machine.memory[insn.k] = machine.x;
            return;
        case BPF_MISC | BPF_TAX:
            machine.x = machine.a;
            return;
        case BPF_MISC | BPF_TXA:
            machine.a = machine.x;
            return;
        default:
            machine.a = calculate(BPF_OP(insn.code), machine.a, source);
            return;
    }
}

/// Where a program can go on after the instruction at `at`: one place, or two when it depends on
/// something unknown.
struct Successors {
    std::size_t first = 0;
    std::optional<std::size_t> second;
};

Successors jump(const sock_filter& insn, std::size_t at, const Machine& machine) {
    if (BPF_OP(insn.code) == BPF_JA) return {at + 1 + insn.k, std::nullopt};
    const Word other = BPF_SRC(insn.code) == BPF_X ? machine.x : Word(insn.k);
    const std::size_t yes = at + 1 + insn.jt;
    const std::size_t no = at + 1 + insn.jf;
    if (!machine.a || !other) return {yes, no};
    return {holds(BPF_OP(insn.code), *machine.a, *other) ? yes : no, std::nullopt};
}

Word returned(const sock_filter& insn, const Machine& machine) {
    return BPF_RVAL(insn.code) == BPF_A ? machine.a : Word(insn.k);
}

}  // namespace

Action evaluate(std::span<const sock_filter> filter, const seccomp_data& call) {
    const DataWords data = words_of(call);
    Machine machine;
    for (std::size_t at = 0;;) {
        const sock_filter& insn = filter[at];
        if (BPF_CLASS(insn.code) == BPF_RET) return Action(returned(insn, machine).value_or(0));
        if (BPF_CLASS(insn.code) == BPF_JMP) {
            at = jump(insn, at, machine).first;
        } else {
            execute(insn, data, machine);
            ++at;
        }
    }
}

bool performs_all(std::span<const sock_filter> filter, const CallPattern& pattern) {
    const DataWords data = words_of(pattern);
    std::vector<std::pair<std::size_t, Machine>> open{{0, Machine{}}};
    std::set<std::pair<std::size_t, Machine>> seen;
    while (!open.empty()) {
        auto [at, machine] = open.back();
        open.pop_back();
        if (!seen.emplace(at, machine).second) continue;
        const sock_filter& insn = filter[at];
        if (BPF_CLASS(insn.code) == BPF_RET) {
            const Word action = returned(insn, machine);
            if (!action || !performs_call(Action(*action))) return false;
        } else if (BPF_CLASS(insn.code) == BPF_JMP) {
            const Successors next = jump(insn, at, machine);
            open.emplace_back(next.first, machine);
            if (next.second) open.emplace_back(*next.second, machine);
        } else {
            execute(insn, data, machine);
            open.emplace_back(at + 1, machine);
        }
    }
    return true;
}

}  // namespace shardrun::seccomp
