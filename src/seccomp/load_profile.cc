#include <algorithm>

#include "base/fail.h"
#include "seccomp/compile.h"

// kAllowsLaunch and kInstructions, made by write_builtin_filter.cc while building.
#include "builtin_filter.inc"

namespace shardrun::seccomp {
namespace {

// What nearly every shard gets needs no compiling when a shard is wanted.
bool is_compiled_already(const ProfileContext& context) {
    return context.capabilities == 0 && context.arch == kNativeArch;
}

FilterProgram compiled_while_building() {
    FilterProgram program;
    program.instructions.assign(std::begin(kInstructions), std::end(kInstructions));
    program.filter_allows_launch = kAllowsLaunch;
    return program;
}

}  // namespace

Result<FilterProgram> load_profile(std::string_view text, const ProfileContext& context) {
    if (text.empty() && is_compiled_already(context)) return compiled_while_building();
    if (text.empty()) return compile(builtin_profile(context));
    SR_TRY(const Profile profile, parse_profile_json(text, context));
    return compile(profile);
}

}  // namespace shardrun::seccomp
