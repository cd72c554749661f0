#include "gate/tree.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/fail.h"
#include "base/log.h"
#include "gate/tree_builder.h"
#include "sys/detached_tmpfs.h"

namespace shardrun::gate {
namespace {

// A huge page, the largest piece that a tmpfs file is made of. What is punched ends at such a
// border: a piece that is cut in two is zeroed in place, under the eyes of whoever still has its
// pages in a pipe.
constexpr std::uint64_t kPieceBytes = std::uint64_t{2} << 20U;

bool has_bytes(const Entry& entry) {
    return entry.type == EntryType::file && entry.size_bytes > 0;
}

FileId id_of(std::size_t index) {
    return FileId{static_cast<std::uint32_t>(index)};
}

}  // namespace

Result<Tree> Tree::adopt(Entries entries, sys::UniqueFd mount, const TreeConfig& config) {
    Tree tree(std::move(entries), std::move(mount));
    tree.anchor_ = config.anchor;
    for (std::size_t i = 0; i < tree.size(); ++i) {
        const Entry& entry = tree.entry(id_of(i));
        if (!has_bytes(entry)) continue;
        struct stat status {};
        if (::fstatat(tree.own_mount(), entry.path.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
            return fail_errno("find '{}' in a tree that is taken over", entry.path);
        if (!S_ISREG(status.st_mode) ||
            static_cast<std::uint64_t>(status.st_size) != entry.size_bytes)
            return refuse(EPROTO, "'{}' is not what the tree that is taken over has", entry.path);
        tree.by_inode_.emplace(status.st_ino, id_of(i));
    }
    return tree;
}

Tree::~Tree() {
    if (anchor_.empty() || !mount_) return;
    // EINVAL: an earlier owner found no need to attach it.
    if (::umount2(anchor_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && errno != EINVAL)
        log(LogLevel::warning, "unmount tree '{}': {}, ignoring", anchor_, errno_text(errno));
}

Result<sys::UniqueFd> Tree::clone_for_shard() const {
    return sys::clone_read_only(own_mount());
}

bool Tree::is_gated(FileId file) const {
    return has_bytes(entry(file));
}

std::optional<FileId> Tree::find(ino_t inode) const {
    const auto found = by_inode_.find(inode);
    return found == by_inode_.end() ? std::nullopt : std::optional(found->second);
}

Result<sys::UniqueFd> Tree::open(FileId file, int flags) const {
    return open_beneath(own_mount(), entry(file).path, flags);
}

Result<void> Tree::punch(FileId file, int writable) const {
    const std::uint64_t size = entry(file).size_bytes;
    const std::uint64_t end = (size + kPieceBytes - 1) / kPieceBytes * kPieceBytes;
    constexpr int kMode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    if (::fallocate(writable, kMode, 0, static_cast<off_t>(end)) != 0)
        return fail_errno("give back the bytes of '{}'", entry(file).path);
    return {};
}

Result<void> Tree::restore_time(FileId file) const {
    const std::array<timespec, 2> times{entry(file).mtime, entry(file).mtime};
    if (::utimensat(own_mount(), entry(file).path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno("give '{}' its time", entry(file).path);
    return {};
}

}  // namespace shardrun::gate
