// Runs while shardrun is built: the built-in filter of a shard without capabilities, as source.
#include <fmt/format.h>

#include "seccomp/compile.h"

int main() {
    using namespace shardrun::seccomp;
    const auto program = compile(builtin_profile(ProfileContext{}));
    if (!program) {
        fmt::print(stderr, "compile the built-in profile: {}\n", program.error().message);
        return 1;
    }
    fmt::print("constexpr bool kAllowsLaunch = {};\n", program->filter_allows_launch);
    fmt::print("constexpr sock_filter kInstructions[] = {{\n");
    for (const sock_filter& insn : program->instructions)
        fmt::print("    {{{:#x}, {}, {}, {:#x}}},\n", insn.code, insn.jt, insn.jf, insn.k);
    fmt::print("}};\n");
    return 0;
}
