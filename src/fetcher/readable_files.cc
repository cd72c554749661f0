#include "fetcher/readable_files.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/fail.h"
#include "sys/unique_fd.h"

namespace shardrun::fetcher {
namespace {

// Everything that Linux 5.13, the first with Landlock, knows of.
constexpr std::uint64_t kHandled = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1U) - 1;
constexpr std::uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t kReadBelow = kReadFile | LANDLOCK_ACCESS_FS_READ_DIR;

// Configuration, certificates and what they are links to. resolv.conf is one of those, wherever
// something else writes it. What of them there is not, is not needed.
constexpr const char* kSystemPlaces[] = {"/etc",
                                         "/usr/share",
                                         "/usr/local/share",
                                         "/usr/lib/ssl",
                                         "/run/systemd/resolve",
                                         "/run/resolvconf",
                                         "/run/NetworkManager"};

Result<void> allow(int ruleset, int place, std::uint64_t access) {
    const landlock_path_beneath_attr rule{.allowed_access = access, .parent_fd = place};
    if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        return fail_errno("allow a place to be read");
    return {};
}

Result<void> allow_system_places(int ruleset) {
    for (const char* const path : kSystemPlaces) {
        const sys::UniqueFd place(::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (place) SR_DO(allow(ruleset, place.get(), kReadBelow));
    }
    return {};
}

Result<void> allow_ca_file(int ruleset, const std::string& path) {
    if (path.empty()) return {};
    const sys::UniqueFd file(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!file) return fail_errno("open '{}'", path);
    return allow(ruleset, file.get(), kReadFile);
}

}  // namespace

Result<void> limit_readable_files(std::span<const int> directories, const std::string& ca_file) {
    landlock_ruleset_attr attributes{};
    attributes.handled_access_fs = kHandled;
    const sys::UniqueFd ruleset(static_cast<int>(
        ::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
    if (!ruleset && (errno == ENOSYS || errno == EOPNOTSUPP)) return {};
    if (!ruleset) return fail_errno("make a set of rules for files");
    SR_DO(allow_system_places(ruleset.get()));
    SR_DO(allow_ca_file(ruleset.get(), ca_file));
    for (const int directory : directories) SR_DO(allow(ruleset.get(), directory, kReadBelow));
    if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
        return fail_errno("limit which files can be read");
    return {};
}

}  // namespace shardrun::fetcher
