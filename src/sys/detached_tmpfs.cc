#include "sys/detached_tmpfs.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fail.h"

// <sys/mount.h> and <linux/mount.h> of Debian 12 exclude each other, and glibc has no wrappers.
namespace shardrun::sys {
namespace {

constexpr unsigned kAttributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME;

int set_text(const UniqueFd& context, const char* key, const std::string& value) {
    return static_cast<int>(
        ::syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0));
}

Result<void> configure(const UniqueFd& context, const std::string& source,
                       const TmpfsLimits& limits) {
    // A kernel without huge pages refuses it; then pages are small.
    (void)set_text(context, "huge", "within_size");
    if (set_text(context, "source", source) != 0 ||
        set_text(context, "size", std::to_string(limits.size_max_bytes)) != 0 ||
        set_text(context, "nr_inodes", std::to_string(limits.inodes_max)) != 0 ||
        set_text(context, "mode", "0755") != 0)
        return fail_errno("configure a tmpfs of {} bytes", limits.size_max_bytes);
    if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
        return fail_errno("create a tmpfs of {} bytes", limits.size_max_bytes);
    return {};
}

}  // namespace

Result<UniqueFd> make_detached_tmpfs(const std::string& source, const TmpfsLimits& limits) {
    const UniqueFd context(static_cast<int>(::syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
    if (!context) return fail_errno("open the file system 'tmpfs'");
    SR_DO(configure(context, source, limits));
    UniqueFd mount(
        static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, kAttributes)));
    if (!mount) return fail_errno("mount a tmpfs");
    return mount;
}

Result<UniqueFd> clone_read_only(int mount) {
    constexpr unsigned kFlags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
    UniqueFd clone(static_cast<int>(::syscall(SYS_open_tree, mount, "", kFlags)));
    if (!clone) return fail_errno("clone a mount");
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_RDONLY;  // The clone has the rest already.
    if (::syscall(SYS_mount_setattr, clone.get(), "", AT_EMPTY_PATH, &attributes,
                  sizeof attributes) != 0)
        return fail_errno("make a clone of a mount read-only");
    return clone;
}

Result<void> attach_mount(int mount, const std::string& target) {
    if (::syscall(SYS_move_mount, mount, "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) !=
        0)
        return fail_errno("attach a mount at '{}'", target);
    return {};
}

}  // namespace shardrun::sys
