#include "supervisor/harden.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <memory>
#include <string_view>

#include "base/fail.h"
#include "base/log.h"
#include "seccomp/compile.h"
#include "shardrun/unique_fd.h"
#include "supervisor/harden_plan.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

namespace shardrun::supervisor {
namespace {

// PR_MDWE_REFUSE_EXEC_GAIN | PR_MDWE_NO_INHERIT (Linux 6.6): inherited, it would reach programs of
// shards and stop their just-in-time compilers. Older kernels refuse it and go without.
constexpr unsigned long kRefuseExecGainHere = 3;
// Just above "never": if nothing else is left to kill, the host still goes on.
constexpr std::string_view kOomScoreAdj = "-999";
// Its leak check traces the process from a thread of its own at the end.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kIsTracedBySanitizer = true;
#else
constexpr bool kIsTracedBySanitizer = false;
#endif

void spare_from_oom_killer() {
    const UniqueFd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    const auto size = static_cast<ssize_t>(kOomScoreAdj.size());
    if (::write(file.get(), kOomScoreAdj.data(), kOomScoreAdj.size()) != size)
        log(LogLevel::info, "lower oom_score_adj: {}, ignoring", errno_text(errno));
}

Result<void> hide_memory() {
    if (!kIsTracedBySanitizer && ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fail_errno("make the supervisor unreadable for others");
    if (::prctl(PR_SET_MDWE, kRefuseExecGainHere, 0, 0, 0) != 0)
        log(LogLevel::info, "refuse memory both writable and executable: {}, ignoring",
            errno_text(errno));
    return {};
}

Result<void> empty_bounding_set() {
    for (cap_value_t capability = 0; CAP_IS_SUPPORTED(capability); ++capability)
        if (::cap_drop_bound(capability) != 0)
            return fail_errno("drop capability {} from the bounding set", capability);
    return {};
}

// Inheritable too: with an empty bounding set that is all a restarted zygote gets.
Result<void> reduce_capabilities(std::uint64_t kept) {
    const std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)> held(::cap_get_proc(),
                                                                             &::cap_free);
    if (!held) return fail_errno("read own capabilities");
    for (cap_value_t capability = 0; CAP_IS_SUPPORTED(capability); ++capability) {
        const bool is_kept = (kept >> static_cast<unsigned>(capability) & 1U) != 0;
        cap_flag_value_t is_held = CAP_CLEAR;
        (void)::cap_get_flag(held.get(), capability, CAP_PERMITTED, &is_held);  // It is supported.
        const cap_flag_value_t value = is_kept ? is_held : CAP_CLEAR;
        for (const cap_flag_t set : {CAP_PERMITTED, CAP_EFFECTIVE, CAP_INHERITABLE})
            (void)::cap_set_flag(held.get(), set, 1, &capability, value);
    }
    if (::cap_set_proc(held.get()) != 0) return fail_errno("reduce own capabilities");
    return {};
}

Result<void> load_filter(const seccomp::Profile& profile) {
    SR_TRY(seccomp::FilterProgram program, seccomp::compile(profile));
    const sock_fprog filter{static_cast<unsigned short>(program.instructions.size()),
                            program.instructions.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("set no_new_privs");
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, program.load_flags, &filter) != 0)
        return fail_errno("load the supervisor's own filter");
    return {};
}

Result<void> drop_what_is_not_needed(const Config& config) {
    spare_from_oom_killer();  // While the capability for it is surely there.
    SR_DO(hide_memory());
    // In this order: nothing can be made inheritable that the bounding set lacks.
    SR_DO(reduce_capabilities(kept_capabilities(config)));
    SR_DO(empty_bounding_set());
    seccomp::Profile profile = supervisor_profile(config);
    if (kIsTracedBySanitizer)
        for (seccomp::Rule& rule : profile.rules) std::erase(rule.names, "ptrace");
    return load_filter(profile);
}

}  // namespace

Result<void> harden_process(const Config& config) {
    return while_doing(drop_what_is_not_needed(config), "harden the supervisor");
}

}  // namespace shardrun::supervisor
