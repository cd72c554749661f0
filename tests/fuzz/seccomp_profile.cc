// A profile's text, in several contexts: what it becomes or the sentence that refuses it.

#include <cerrno>
#include <span>
#include <string_view>

#include "base/fail.h"
#include "seccomp/compile.h"
#include "seccomp/evaluate.h"
#include "target.h"

namespace shardrun::seccomp {
namespace {

void check_refusal(const Error& error) {
    SR_ASSERT(error.code == EINVAL || error.code == E2BIG);
    SR_ASSERT(!error.message.empty() && error.message.size() < 2000);
    for (const char c : error.message) SR_ASSERT(static_cast<unsigned char>(c) >= ' ');
}

void check_program(const FilterProgram& program) {
    SR_ASSERT(verify_filter(program.instructions));
    for (const std::string& warning : program.warnings) SR_ASSERT(warning.size() < 500);
    for (const int number : {0, 16, 56, 451, 0x40000000, -1})
        (void)evaluate(program.instructions, {number, AUDIT_ARCH_X86_64, 0, {1, 2, 3}});
    const Action foreign = evaluate(program.instructions, {1, AUDIT_ARCH_S390X, 0, {}});
    SR_ASSERT(foreign == Action::kill_process);
}

void check_in(std::string_view text, const ProfileContext& context) {
    const Result<Profile> profile = parse_profile_json(text, context);
    if (!profile) return check_refusal(profile.error());
    SR_ASSERT(*profile == *parse_profile_json(text, context));
    const Result<FilterProgram> program = compile(*profile);
    if (!program) return check_refusal(program.error());
    SR_ASSERT(*program == *compile(*profile));
    check_program(*program);
}

}  // namespace
}  // namespace shardrun::seccomp

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace shardrun::seccomp;
    // One char is as good as another: a view needs no copy.
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_in(text, {0, {6, 1}, Arch::x86_64});
    check_in(text, {~std::uint64_t{0}, {4, 19}, Arch::x86_64});
    check_in(text, {std::uint64_t{1} << 21, {6, 18}, Arch::aarch64});
    return 0;
}
