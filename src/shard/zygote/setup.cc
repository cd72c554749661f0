#include "shard/zygote/setup.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/prctl.h>

#include "shard/zygote/landlock.h"
#include "shard/zygote/network.h"
#include "shard/zygote/skeleton.h"
#include "shard/zygote/user_namespace.h"

namespace shardrun::shard::zygote {
namespace {

constexpr unsigned long kNoDevices = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

/// The parts of the shard's one tmpfs and where programs see them.
struct View {
    const char* name;
    const char* target;
    std::uint16_t mode;
    bool owned_by_shard;
    unsigned long attributes;  ///< beyond those of the tmpfs
};
constexpr unsigned kViewCount = 4;

View view(unsigned index) {
    // A switch and not a table of pointers: the program is position independent and relocates
    // nothing.
    switch (index) {
        case 0:
            return {"tmp", "/tmp", 01777, false, 0};
        case 1:
            return {"run", "/run", 0755, true, 0};
        case 2:
            return {"shm", "/dev/shm", 01777, false, MOUNT_ATTR_NOEXEC};
        default:
            return {"blobs", "/blobs", 0755, false, MOUNT_ATTR_RDONLY};
    }
}

struct Text {
    char bytes[512] = {};
    std::size_t size = 0;

    void add(const char* more) {
        for (; *more != '\0' && size < sizeof(bytes); ++more) bytes[size++] = *more;
    }
};

bool write_file(int directory, const char* path, const Text& text, Failure& failure) {
    const long fd = raw_call(SYS_openat, directory, as_long(path),
                             O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (!succeeded(fd, failure, Step::make_file, path)) return false;
    const long written = raw_call(SYS_write, fd, as_long(text.bytes), static_cast<long>(text.size));
    raw_close(static_cast<int>(fd));
    return succeeded(written, failure, Step::make_file, path);
}

/// Who am I, for programs that ask the account database; /etc/passwd and /etc/group link here.
bool write_accounts(int tmpfs, const LaunchOrder& order, Failure& failure) {
    char digits[24];
    const bool is_root_inside = (order.flags & kLaunchUserNamespace) != 0;
    const char* id = decimal(order.uid, digits);
    Text passwd;
    passwd.add(is_root_inside ? "root:x:0:0:root:/tmp:/bin/sh\n"
                              : "root:x:0:0:root:/:/usr/sbin/nologin\n");
    Text group;
    group.add("root:x:0:\n");
    if (!is_root_inside) {
        passwd.add("shard:x:");
        passwd.add(id);
        passwd.add(":");
        passwd.add(id);
        passwd.add(":shard:/tmp:/bin/sh\n");
        group.add("shard:x:");
        group.add(id);
        group.add(":\n");
    }
    passwd.add("nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n");
    group.add("nogroup:x:65534:\n");
    return write_file(tmpfs, "run/passwd", passwd, failure) &&
           write_file(tmpfs, "run/group", group, failure);
}

bool attach_view(int tmpfs, const View& part, Failure& failure) {
    const long tree =
        raw_call(SYS_open_tree, tmpfs, as_long(part.name), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (!succeeded(tree, failure, Step::clone_tree, part.target)) return false;
    const int fd = static_cast<int>(tree);
    const bool restricted =
        part.attributes == 0 || restrict_tree(fd, part.attributes, false, part.target, failure);
    const bool attached = restricted && attach(fd, part.target, failure);
    raw_close(fd);
    return attached;
}

/// One tmpfs serves /tmp, /run, /dev/shm and /blobs, so that one size bounds them all.
bool make_tmpfs(const LaunchOrder& order, int& tmpfs, Failure& failure) {
    char size_digits[24];
    char inode_digits[24];
    const FsOption options[] = {{"mode", "0755"},
                                {"size", decimal(order.tmpfs_size_bytes, size_digits)},
                                {"nr_inodes", decimal(order.tmpfs_inodes, inode_digits)}};
    const long mount = make_mount("tmpfs", options, 3, kNoDevices);
    if (!succeeded(mount, failure, Step::make_tmpfs, "tmpfs")) return false;
    tmpfs = static_cast<int>(mount);
    for (unsigned i = 0; i < kViewCount; ++i) {
        const View part = view(i);
        if (!succeeded(raw_call(SYS_mkdirat, tmpfs, as_long(part.name), part.mode), failure,
                       Step::make_directory, part.target))
            return false;
        if (part.owned_by_shard)
            raw_call(SYS_fchownat, tmpfs, as_long(part.name), order.uid, order.uid, 0);
    }
    if (!write_accounts(tmpfs, order, failure)) return false;
    // Linux before 6.15 clones no part of a mount that is attached nowhere. Below the view of /tmp,
    // where no program can reach it, the whole stays attached.
    if (!attach(tmpfs, "/tmp", failure)) return false;
    for (unsigned i = 0; i < kViewCount; ++i)
        if (!attach_view(tmpfs, view(i), failure)) return false;
    // The supervisor will work through this view: no link that a program plants may lead it astray.
    return restrict_tree(tmpfs, MOUNT_ATTR_NOSYMFOLLOW | MOUNT_ATTR_NOEXEC, false, "tmpfs",
                         failure);
}

bool mount_at(const char* type, const FsOption* options, std::size_t count,
              unsigned long attributes, Step step, const char* target, Failure& failure) {
    const long mount = make_mount(type, options, count, attributes);
    if (!succeeded(mount, failure, step, target)) return false;
    const bool attached = attach(static_cast<int>(mount), target, failure);
    raw_close(static_cast<int>(mount));
    return attached;
}

/// A path that this kernel's proc does not have needs no mask.
bool cover(const PlanWalk& at, Failure& failure) {
    const char* path = at.path();
    const PlanKind kind = at.entry().kind;
    const long there = raw_call(SYS_faccessat, AT_FDCWD, as_long(path), 0);
    if (there == -2) return true;  // ENOENT; nothing else is taken for it.
    if (!succeeded(there, failure, Step::mask_path, path)) return false;
    const char* source = kind == PlanKind::mask_file   ? kNullDevice
                         : kind == PlanKind::read_only ? path
                                                       : kEmptyDirectory;
    const int tree = clone_tree(source, false, failure);
    if (tree < 0) return false;
    const bool restricted = kind == PlanKind::mask_file ||
                            restrict_tree(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | kNoDevices,
                                          false, path, failure);
    const bool attached = restricted && attach(tree, path, failure);
    raw_close(tree);
    if (!attached && failure.step == Step::attach_mount) failure.step = Step::mask_path;
    return attached;
}

enum class Covers { masks, read_only };

bool is_among(PlanKind kind, Covers covers) {
    if (covers == Covers::read_only) return kind == PlanKind::read_only;
    return kind == PlanKind::mask_file || kind == PlanKind::mask_directory;
}

bool cover_proc(PlanWalk plan, Covers covers, bool has_capabilities, Failure& failure) {
    while (plan.next()) {
        const bool is_cover = is_among(plan.entry().kind, covers);
        const bool is_due =
            has_capabilities || static_cast<CoverWhen>(plan.entry().mode) == CoverWhen::always;
        if (is_cover && is_due && !cover(plan, failure)) return false;
    }
    return true;
}

/// The image's tree becomes the root. The devices and what /sys shows come along from the skeleton,
/// whose other parts are gone from this namespace afterwards.
bool enter_image(int tree, Failure& failure) {
    const int devices = clone_tree("/dev", true, failure);
    const int system = clone_tree("/sys", true, failure);
    if (devices < 0 || system < 0) return false;
    const bool is_root =
        restrict_tree(tree, MOUNT_ATTR_RDONLY | kNoDevices, true, "image", failure) &&
        become_root(tree, failure);
    const bool complete =
        is_root && attach(devices, "/dev", failure) && attach(system, "/sys", failure);
    raw_close(tree);
    raw_close(devices);
    raw_close(system);
    return complete;
}

}  // namespace

bool set_up_shard(const Launch& launch, int& tmpfs, Failure& failure) {
    const LaunchOrder& order = launch.order;
    // Only now: the root of a cgroup namespace is the cgroup of its maker, and init was born in the
    // shard's.
    if (!succeeded(raw_call(SYS_unshare, CLONE_NEWCGROUP), failure, Step::make_cgroup_namespace))
        return false;
    const long name_size = static_cast<long>(text_size(order.hostname));
    if (!succeeded(raw_call(SYS_sethostname, as_long(order.hostname), name_size), failure,
                   Step::set_hostname, order.hostname))
        return false;
    if (launch.tree >= 0 && !enter_image(launch.tree, failure)) return false;
    if (!make_tmpfs(order, tmpfs, failure)) return false;
    // kernel.pty.max bounds the whole host: no shard may use it up for the others.
    const FsOption pts_options[] = {{"ptmxmode", "0666"}, {"mode", "0620"}, {"max", "256"}};
    if (!mount_at("devpts", pts_options, 3, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
                  Step::make_devpts, "/dev/pts", failure))
        return false;
    if (!mount_at("proc", nullptr, 0, kNoDevices | MOUNT_ATTR_NOEXEC, Step::make_proc, "/proc",
                  failure))
        return false;
    const bool has_capabilities = order.capabilities != 0;
    if (!cover_proc(launch.plan, Covers::masks, has_capabilities, failure)) return false;
    const long file_rules = make_file_rules(failure);
    if (file_rules < 0) return false;
    // As late as possible: only now is the helper waited for.
    if (launch.network >= 0 && !enter_network(launch.network, failure)) return false;
    if (!cover_proc(launch.plan, Covers::read_only, has_capabilities, failure)) return false;
    const bool wants_user_namespace = (order.flags & kLaunchUserNamespace) != 0;
    // After the mounts, which the new namespace would have no right to make.
    if (wants_user_namespace && !enter_user_namespace(order.uid, failure)) return false;
    return restrict_files(file_rules, failure);
}

bool reduce_init_capabilities(const Launch& launch, Failure& failure) {
    // Later uid changes must not touch capability sets by themselves, and uid 0 must mean nothing.
    const long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                      SECBIT_NO_SETUID_FIXUP_LOCKED;
    if (!succeeded(raw_call(SYS_prctl, PR_SET_SECUREBITS, bits), failure, Step::reduce_capabilities,
                   "securebits"))
        return false;
    if (!succeeded(raw_call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1), failure,
                   Step::set_no_new_privileges))
        return false;
    const std::uint64_t granted = launch.order.capabilities;
    const std::uint64_t kept = granted | (1ULL << CAP_SETUID) | (1ULL << CAP_SETGID) |
                               (1ULL << CAP_SETPCAP) | (1ULL << CAP_KILL);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[2] = {};
    for (unsigned i = 0; i < 2; ++i) {
        sets[i].effective = sets[i].permitted = static_cast<std::uint32_t>(kept >> (32 * i));
        sets[i].inheritable = static_cast<std::uint32_t>(granted >> (32 * i));
    }
    return succeeded(raw_call(SYS_capset, as_long(&header), as_long(sets)), failure,
                     Step::reduce_capabilities);
}

}  // namespace shardrun::shard::zygote
