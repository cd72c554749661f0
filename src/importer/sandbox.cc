#include "importer/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "base/fail.h"
#include "importer/sandbox_calls.h"
#include "seccomp/compile.h"

namespace shardrun::importer {
namespace {

// Sanitizers reserve terabytes of addresses, and look into /proc at the end.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kHasSanitizer = true;
#else
constexpr bool kHasSanitizer = false;
#endif

constexpr int kCapabilityLast = 63;
constexpr rlim_t kFilesMax = 1024;

Result<void> limit(int resource, rlim_t value) {
    rlimit now{};
    if (::getrlimit(static_cast<__rlimit_resource>(resource), &now) != 0)
        return fail_errno("read resource limit {}", resource);
    const rlim_t allowed = value < now.rlim_max ? value : now.rlim_max;
    const rlimit wanted{allowed, allowed};
    if (::setrlimit(static_cast<__rlimit_resource>(resource), &wanted) != 0)
        return fail_errno("set resource limit {}", resource);
    return {};
}

Result<void> limit_resources(const image::ImportLimits& limits) {
    SR_DO(limit(RLIMIT_CORE, 0));
    SR_DO(limit(RLIMIT_FSIZE, 0));
    SR_DO(limit(RLIMIT_NOFILE, kFilesMax));
    SR_DO(limit(RLIMIT_MEMLOCK, 0));
    if (!kHasSanitizer) SR_DO(limit(RLIMIT_AS, limits.memory_max_bytes));
    return {};
}

/// Names of files are resolved in the input from now on, or in a folder of descriptors that goes
/// with us; the filter allows no name to be opened anyhow.
Result<void> change_root(int input) {
    struct stat status {};
    if (::fstat(input, &status) != 0) return fail_errno("look at the input");
    const int result = S_ISDIR(status.st_mode) ? ::fchdir(input) : ::chdir("/proc/self/fdinfo");
    if (result != 0 || ::chroot(".") != 0 || ::chdir("/") != 0)
        return fail_errno("change the root directory");
    return {};
}

Result<void> drop_user(std::uint32_t uid) {
    if (::setgroups(0, nullptr) != 0) return fail_errno("drop all groups");
    if (::setresgid(uid, uid, uid) != 0) return fail_errno("become group {}", uid);
    if (::setresuid(uid, uid, uid) != 0) return fail_errno("become user {}", uid);
    return {};
}

Result<void> drop_capabilities() {
    (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);  // Not before Linux 4.3.
    // Needs CAP_SETPCAP, which a user does not have; nor has he anything to drop.
    for (int capability = 0; capability <= kCapabilityLast; ++capability)
        (void)::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    return {};
}

Result<void> clear_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3]{};
    if (::syscall(SYS_capset, &header, &none[0]) != 0) return fail_errno("drop all capabilities");
    return {};
}

Result<void> load_filter() {
    SR_TRY(const seccomp::FilterProgram program, seccomp::compile(allowed_calls(kHasSanitizer)));
    const sock_fprog filter{static_cast<unsigned short>(program.instructions.size()),
                            const_cast<sock_filter*>(program.instructions.data())};
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, program.load_flags, &filter) != 0)
        return fail_errno("load the importer's filter");
    return {};
}

}  // namespace

Result<void> enter_sandbox(const image::ImportOptions& options, int input) {
    const bool is_root = ::geteuid() == 0;
    // A user could have a network of its own in a user namespace only, where owners of files look
    // different; the filter, which lets nobody make a socket, is enough.
    if (is_root && ::unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0)
        return fail_errno("leave the network");
    if (is_root && !kHasSanitizer) SR_DO(change_root(input));
    SR_DO(drop_capabilities());
    if (is_root) SR_DO(drop_user(options.uid));
    SR_DO(clear_capabilities());
    // After the change of user, which would undo it.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return fail_errno("die with the parent");
    if (!kHasSanitizer && ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fail_errno("hide from debuggers");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("set no_new_privs");
    SR_DO(limit_resources(options.limits));
    return load_filter();
}

}  // namespace shardrun::importer
