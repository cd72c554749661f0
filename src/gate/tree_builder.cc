#include "gate/tree_builder.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/fail.h"
#include "sys/file_io.h"

namespace shardrun::gate {
namespace {

constexpr mode_t kPermissions = 07777;

std::array<timespec, 2> times_of(const Entry& entry) {
    return {entry.mtime, entry.mtime};
}

/// chown takes set-user-id bits away, so the mode comes afterwards again.
Result<void> give_to_owner(int file, const Entry& entry) {
    if (entry.uid == 0 && entry.gid == 0) return {};
    if (::fchown(file, entry.uid, entry.gid) != 0 || ::fchmod(file, entry.mode & kPermissions) != 0)
        return fail_errno("give '{}' to {}:{}", entry.path, entry.uid, entry.gid);
    return {};
}

}  // namespace

Result<sys::UniqueFd> open_beneath(int root, const std::string& path, int flags) {
    open_how how{};
    how.flags = static_cast<unsigned>(flags) | O_CLOEXEC | O_NOFOLLOW;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const char* const name = path.empty() ? "." : path.c_str();
    sys::UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, root, name, &how, sizeof how)));
    if (!fd) return fail_errno("open '{}'", path);
    return fd;
}

Result<TreeBuilder::Place> TreeBuilder::place_of(const Entry& entry) {
    const std::size_t slash = entry.path.rfind('/');
    const bool is_at_root = slash == std::string::npos;
    const std::string_view parent = std::string_view(entry.path).substr(0, is_at_root ? 0 : slash);
    const char* const begin = entry.path.c_str() + (is_at_root ? 0 : slash + 1);
    const std::string_view name = begin;
    if (name.empty() || name == "." || name == ".." || slash == 0 ||
        entry.path.find('\0') != std::string::npos)
        return refuse(EINVAL, "'{}' is no path below a tree's root", entry.path);
    if (!parent.empty() && parent != last_path_) {
        last_path_ = parent;
        SR_TRY(last_, open_beneath(root_, last_path_, O_PATH | O_DIRECTORY));
    }
    return Place{parent.empty() ? root_ : last_.get(), begin};
}

Result<ino_t> TreeBuilder::make(const Entry& entry) {
    SR_TRY(const Place place, place_of(entry));
    switch (entry.type) {
        case EntryType::directory:
            return make_directory(place, entry);
        case EntryType::file:
            return make_file(place, entry);
        case EntryType::symlink:
            SR_DO(make_symlink(place, entry));
            return ino_t{0};
        case EntryType::hard_link:
            SR_DO(make_hard_link(place, entry));
            return ino_t{0};
    }
    return refuse(EINVAL, "'{}' is of a kind that no tree has", entry.path);
}

Result<ino_t> TreeBuilder::make_directory(const Place& place, const Entry& entry) const {
    if (::mkdirat(place.directory, place.name, entry.mode & kPermissions) != 0)
        return fail_errno("make directory '{}'", entry.path);
    // mkdir takes the permissions only.
    constexpr mode_t kBeyondPermissions = S_ISUID | S_ISGID | S_ISVTX;
    if (entry.uid == 0 && entry.gid == 0 && (entry.mode & kBeyondPermissions) == 0) return ino_t{0};
    SR_TRY(const sys::UniqueFd made,
           open_beneath(place.directory, place.name, O_RDONLY | O_DIRECTORY));
    if (::fchown(made.get(), entry.uid, entry.gid) != 0 ||
        ::fchmod(made.get(), entry.mode & kPermissions) != 0)
        return fail_errno("set owner and mode of directory '{}'", entry.path);
    return ino_t{0};
}

/// Nobody else can open the file before it is marked: the tree is not attached anywhere yet.
Result<ino_t> TreeBuilder::make_file(const Place& place, const Entry& entry) const {
    const sys::UniqueFd file(::openat(place.directory, place.name,
                                      O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                      entry.mode & kPermissions));
    if (!file) return fail_errno("make '{}'", entry.path);
    if (entry.size_bytes > 0 && ::ftruncate(file.get(), static_cast<off_t>(entry.size_bytes)) != 0)
        return fail_errno("give '{}' its size of {}", entry.path, entry.size_bytes);
    SR_DO(give_to_owner(file.get(), entry));
    if (::futimens(file.get(), times_of(entry).data()) != 0)
        return fail_errno("give '{}' its time", entry.path);
    if (entry.size_bytes == 0) return ino_t{0};
    SR_DO(while_doing(gate_.mark(file.get()), "gate '{}'", entry.path));
    SR_TRY(const struct stat status, sys::status_of(file.get()));
    return status.st_ino;
}

Result<void> TreeBuilder::make_symlink(const Place& place, const Entry& entry) const {
    const std::array<timespec, 2> times = times_of(entry);
    if (::symlinkat(entry.target.c_str(), place.directory, place.name) != 0)
        return fail_errno("make symbolic link '{}'", entry.path);
    if (::fchownat(place.directory, place.name, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0 ||
        ::utimensat(place.directory, place.name, times.data(), AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno("set owner and time of symbolic link '{}'", entry.path);
    return {};
}

Result<void> TreeBuilder::make_hard_link(const Place& place, const Entry& entry) const {
    // O_PATH: nothing is opened, so no gate is asked, whichever mount this is.
    SR_TRY(const sys::UniqueFd file, open_beneath(root_, entry.target, O_PATH));
    SR_TRY(const struct stat status, sys::status_of(file.get()));
    if (!S_ISREG(status.st_mode))
        return refuse(EINVAL, "'{}' is a hard link to '{}', which is no file", entry.path,
                      entry.target);
    if (::linkat(file.get(), "", place.directory, place.name, AT_EMPTY_PATH) != 0)
        return fail_errno("make hard link '{}'", entry.path);
    return {};
}

Result<void> TreeBuilder::finish_directory(const Entry& entry) const {
    SR_TRY(const sys::UniqueFd directory, open_beneath(root_, entry.path, O_RDONLY | O_DIRECTORY));
    if (::futimens(directory.get(), times_of(entry).data()) != 0)
        return fail_errno("give directory '{}' its time", entry.path);
    return {};
}

}  // namespace shardrun::gate
