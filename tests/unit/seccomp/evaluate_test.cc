#include "seccomp/evaluate.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <vector>

using namespace shardrun::seccomp;

namespace {

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;

sock_filter op(int code, std::uint32_t k, std::uint8_t jt = 0, std::uint8_t jf = 0) {
    return {static_cast<std::uint16_t>(code), jt, jf, k};
}

const sock_filter kReturn = op(BPF_RET | BPF_K, kAllow);

std::uint32_t result_of(std::vector<sock_filter> filter) {
    filter.push_back(op(BPF_RET | BPF_A, 0));
    REQUIRE(verify_filter(filter));
    return to_word(
        evaluate(filter, {39, AUDIT_ARCH_X86_64, 0x1122334455667788, {7, 1, 2, 3, 4, 5}}));
}

}  // namespace

TEST_CASE("a filter computes as the kernel does") {
    const sock_filter six = op(BPF_LD | BPF_IMM, 6);
    const sock_filter x_is_four = op(BPF_LDX | BPF_IMM, 4);
    CHECK(result_of({op(BPF_LD | BPF_W | BPF_ABS, 0)}) == 39);
    CHECK(result_of({op(BPF_LD | BPF_W | BPF_ABS, 8)}) == 0x55667788);
    CHECK(result_of({op(BPF_LD | BPF_W | BPF_ABS, 16)}) == 7);
    CHECK(result_of({op(BPF_LD | BPF_W | BPF_LEN, 0)}) == 64);
    CHECK(result_of({six, op(BPF_ALU | BPF_ADD | BPF_K, 0xffffffff)}) == 5);
    CHECK(result_of({six, x_is_four, op(BPF_ALU | BPF_SUB | BPF_X, 0)}) == 2);
    CHECK(result_of({six, x_is_four, op(BPF_ALU | BPF_DIV | BPF_X, 0)}) == 1);
    CHECK(result_of({six, op(BPF_LDX | BPF_IMM, 0), op(BPF_ALU | BPF_DIV | BPF_X, 0)}) == 0);
    CHECK(result_of({six, op(BPF_ALU | BPF_XOR | BPF_K, 3)}) == 5);
    CHECK(result_of({six, op(BPF_ST, 3), op(BPF_LD | BPF_IMM, 0), op(BPF_LD | BPF_MEM, 3)}) == 6);
    CHECK(result_of({six, op(BPF_MISC | BPF_TAX, 0), op(BPF_LD | BPF_IMM, 0),
                     op(BPF_MISC | BPF_TXA, 0)}) == 6);
}

TEST_CASE("jumps compare unsigned and go where they say") {
    const auto jumps = [](int comparison, std::uint32_t a, std::uint32_t k) {
        return result_of({op(BPF_LD | BPF_IMM, a), op(BPF_JMP | BPF_K | comparison, k, 0, 1),
                          op(BPF_RET | BPF_K, 1), op(BPF_RET | BPF_K, 0)}) == 1;
    };
    CHECK(jumps(BPF_JEQ, 5, 5));
    CHECK(!jumps(BPF_JEQ, 5, 6));
    CHECK(jumps(BPF_JGT, 0x80000000, 1));
    CHECK(!jumps(BPF_JGT, 5, 5));
    CHECK(jumps(BPF_JGE, 5, 5));
    CHECK(!jumps(BPF_JGE, 4, 5));
    CHECK(jumps(BPF_JSET, 6, 2));
    CHECK(!jumps(BPF_JSET, 6, 8));
}

TEST_CASE("what the kernel would refuse is refused, with the instruction's number") {
    const auto verdict = [](std::vector<sock_filter> filter) {
        const auto result = verify_filter(filter);
        return result ? 0 : result.error().code;
    };
    CHECK(verdict({kReturn}) == 0);
    CHECK(verdict({}) == EINVAL);
    CHECK(verdict(std::vector<sock_filter>(4096, kReturn)) == 0);
    CHECK(verdict(std::vector<sock_filter>(4097, kReturn)) == E2BIG);
    CHECK(verdict({op(BPF_LD | BPF_W | BPF_ABS, 2), kReturn}) == EINVAL);
    CHECK(verdict({op(BPF_LD | BPF_W | BPF_ABS, 64), kReturn}) == EINVAL);
    CHECK(verdict({op(BPF_LD | BPF_H | BPF_ABS, 0), kReturn}) == EINVAL);
    CHECK(verdict({op(BPF_LD | BPF_MEM, 16), kReturn}) == EINVAL);
    CHECK(verdict({op(BPF_JMP | BPF_JA, 0), kReturn}) == 0);
    CHECK(verdict({op(BPF_JMP | BPF_JA, 1), kReturn}) == EINVAL);
    CHECK(verdict({op(BPF_JMP | BPF_JA, 0xffffffff), kReturn}) == EINVAL);
    CHECK(verdict({op(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), kReturn}) == EINVAL);
    CHECK(verdict({op(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), kReturn}) == EINVAL);
    CHECK(verdict({kReturn, op(BPF_LD | BPF_IMM, 0)}) == EINVAL);
    const auto bad = verify_filter(std::vector{kReturn, op(0xff, 0), kReturn});
    CHECK(bad.error().message.find("instruction 1 ") != std::string::npos);
}

TEST_CASE("a pattern of calls is performed only when every call that fits it is") {
    // Allow call 1 when its first argument is even.
    const std::vector<sock_filter> even{op(BPF_LD | BPF_W | BPF_ABS, 0),
                                        op(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 3),
                                        op(BPF_LD | BPF_W | BPF_ABS, 16),
                                        op(BPF_JMP | BPF_JSET | BPF_K, 1, 1, 0),
                                        kReturn,
                                        op(BPF_RET | BPF_K, SECCOMP_RET_ERRNO)};
    REQUIRE(verify_filter(even));
    CHECK(!performs_all(even, {kNativeArch, 1, {}}));
    CHECK(performs_all(even, {kNativeArch, 1, {2}}));
    CHECK(!performs_all(even, {kNativeArch, 1, {3}}));
    CHECK(!performs_all(even, {kNativeArch, 2, {2}}));
}
