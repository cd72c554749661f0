#include "shard/zygote/skeleton.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

namespace shardrun::shard::zygote {
namespace {

constexpr unsigned long kReadOnlyTree = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

/// The kernel's encoding of a device number in mknod(2).
long device_number(std::uint32_t major, std::uint32_t minor) {
    return static_cast<long>((minor & 0xffU) | (major << 8U) | ((minor & ~0xffU) << 12U));
}

bool make_file(int root, const PlanWalk& at, Failure& failure) {
    const long fd = raw_call(SYS_openat, root, as_long(at.path()),
                             O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, at.entry().mode);
    if (!succeeded(fd, failure, Step::make_file, at.path())) return false;
    const std::size_t size = at.entry().argument_size == 0 ? 0 : at.entry().argument_size - 1;
    const long written = raw_call(SYS_write, fd, as_long(at.argument()), static_cast<long>(size));
    raw_close(static_cast<int>(fd));
    return succeeded(written, failure, Step::make_file, at.path());
}

/// What of the file fits into one sendfile(2), which is all of it for the files this is for.
bool copy_file(int root, const PlanWalk& at, Failure& failure) {
    constexpr long kCopyMax = 1024L * 1024;
    const long source =
        raw_call(SYS_openat, AT_FDCWD, as_long(at.argument()), O_RDONLY | O_CLOEXEC);
    if (!succeeded(source, failure, Step::make_file, at.argument())) return false;
    const long copy = raw_call(SYS_openat, root, as_long(at.path()),
                               O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, at.entry().mode);
    const long copied = copy < 0 ? copy : raw_call(SYS_sendfile, copy, source, 0, kCopyMax);
    raw_close(static_cast<int>(source));
    raw_close(static_cast<int>(copy));
    return succeeded(copied, failure, Step::make_file, at.path());
}

/// Everything of the plan that is made inside the root's own file system.
bool make_inode(int root, const PlanWalk& at, Failure& failure) {
    const PlanEntry& entry = at.entry();
    switch (entry.kind) {
        case PlanKind::directory:
            return succeeded(raw_call(SYS_mkdirat, root, as_long(at.path()), entry.mode), failure,
                             Step::make_directory, at.path());
        case PlanKind::symlink:
            return succeeded(
                raw_call(SYS_symlinkat, as_long(at.argument()), root, as_long(at.path())), failure,
                Step::make_symlink, at.path());
        case PlanKind::file:
            return make_file(root, at, failure);
        case PlanKind::node:
            return succeeded(raw_call(SYS_mknodat, root, as_long(at.path()), S_IFCHR | entry.mode,
                                      device_number(entry.major, entry.minor)),
                             failure, Step::make_node, at.path());
        case PlanKind::copy:
            return copy_file(root, at, failure);
        case PlanKind::bind:
        case PlanKind::mask_file:
        case PlanKind::mask_directory:
        case PlanKind::read_only:
            return true;
    }
    return true;
}

/// Binds are cloned while the host's paths can still be seen, and attached once the root has a
/// place.
constexpr unsigned kBindsMax = 64;
struct Binds {
    int trees[kBindsMax] = {};
    unsigned count = 0;
};

bool clone_binds(PlanWalk plan, Binds& binds, Failure& failure) {
    while (plan.next()) {
        if (plan.entry().kind != PlanKind::bind) continue;
        if (binds.count == kBindsMax)
            return succeeded(-7, failure, Step::clone_tree, plan.path());  // E2BIG
        const int tree = clone_tree(plan.argument(), true, failure);
        if (tree < 0 || !restrict_tree(tree, kReadOnlyTree, true, plan.argument(), failure))
            return false;
        binds.trees[binds.count++] = tree;
    }
    return true;
}

bool attach_binds(PlanWalk plan, const Binds& binds, Failure& failure) {
    unsigned next = 0;
    while (plan.next()) {
        if (plan.entry().kind != PlanKind::bind) continue;
        const int tree = binds.trees[next++];
        if (!attach(tree, plan.path(), failure)) return false;
        raw_close(tree);
    }
    return true;
}

/// Attached over "/", with the working directory at its top.
bool cover_root(int tree, Failure& failure) {
    return attach(tree, "/", failure) &&
           succeeded(raw_call(SYS_fchdir, tree), failure, Step::pivot_root);
}

bool leave_covered_root(Failure& failure) {
    if (!succeeded(raw_call(SYS_pivot_root, as_long("."), as_long(".")), failure, Step::pivot_root))
        return false;
    if (!succeeded(raw_call(SYS_umount2, as_long("."), MNT_DETACH), failure, Step::detach_old_root))
        return false;
    return succeeded(raw_call(SYS_chdir, as_long("/")), failure, Step::pivot_root);
}

}  // namespace

bool become_root(int tree, Failure& failure) {
    return cover_root(tree, failure) && leave_covered_root(failure);
}

bool enter_skeleton(PlanWalk plan, Failure& failure) {
    if (!succeeded(raw_call(SYS_unshare, CLONE_NEWNS), failure, Step::make_namespaces))
        return false;
    if (!succeeded(raw_call(SYS_mount, 0, as_long("/"), 0, MS_REC | MS_PRIVATE, 0), failure,
                   Step::make_private, "/"))
        return false;
    const FsOption options[] = {{"mode", "0755"}, {"size", "4m"}, {"nr_inodes", "4096"}};
    const long root = make_mount("tmpfs", options, 3, MOUNT_ATTR_NOSUID);
    if (!succeeded(root, failure, Step::make_root, "tmpfs")) return false;
    raw_call(SYS_umask, 0);
    for (PlanWalk at = plan; at.next();)
        if (!make_inode(static_cast<int>(root), at, failure)) return false;
    Binds binds;
    if (!clone_binds(plan, binds, failure)) return false;
    if (!cover_root(static_cast<int>(root), failure)) return false;
    if (!attach_binds(plan, binds, failure)) return false;
    if (!leave_covered_root(failure)) return false;
    if (!restrict_tree(static_cast<int>(root), MOUNT_ATTR_RDONLY, false, "/", failure))
        return false;
    raw_close(static_cast<int>(root));
    return true;
}

}  // namespace shardrun::shard::zygote
