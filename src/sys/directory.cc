#include "sys/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "base/fail.h"

namespace shardrun::sys {
namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

std::string parent_of(const std::string& path) {
    const std::size_t end = path.find_last_not_of('/');
    if (end == std::string::npos) return "/";
    const std::size_t slash = path.rfind('/', end);
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string last_part_of(const std::string& path) {
    const std::size_t end = path.find_last_not_of('/');
    const std::size_t slash = path.rfind('/', end);
    return path.substr(slash + 1, end - slash);
}

}  // namespace

Result<Directory> Directory::open(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), kDirectoryFlags));
    if (!fd) return fail_errno("open directory '{}'", path);
    return Directory(path, std::move(fd));
}

Result<Directory> Directory::make_path(const std::string& path, mode_t mode) {
    auto there = open(path);
    if (there || there.error().code != ENOENT || path.empty()) return there;
    SR_TRY(const Directory parent, make_path(parent_of(path), mode));
    SR_TRY(Directory made, parent.make(last_part_of(path), mode));
    made.path_ = path;
    return made;
}

Result<Directory> Directory::make(const std::string& name, mode_t mode) const {
    if (::mkdirat(fd_.get(), name.c_str(), mode) == 0) {
        SR_DO(sync());
    } else if (errno != EEXIST) {
        return fail_errno("make directory '{}/{}'", path_, name);
    }
    return open_directory(name);
}

Result<Directory> Directory::open_directory(const std::string& name) const {
    SR_TRY(UniqueFd fd, open_file(name, O_RDONLY | O_DIRECTORY));
    return Directory(path_ + "/" + name, std::move(fd));
}

Result<UniqueFd> Directory::open_file(const std::string& name, int flags, mode_t mode) const {
    UniqueFd fd(::openat(fd_.get(), name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode));
    if (!fd) return fail_errno("open '{}/{}'", path_, name);
    return fd;
}

Result<std::vector<std::string>> Directory::names() const {
    // A second description: the position in the directory is our own.
    UniqueFd again(::openat(fd_.get(), ".", kDirectoryFlags));
    if (!again) return fail_errno("open directory '{}'", path_);
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(again.get()), &::closedir);
    if (!stream) return fail_errno("read directory '{}'", path_);
    (void)again.release();  // It is the stream's now.
    std::vector<std::string> names;
    while (true) {
        errno = 0;
        // Each stream has one reader; glibc deprecates readdir_r.
        const dirent* entry = ::readdir(stream.get());  // NOLINT(concurrency-mt-unsafe)
        if (entry == nullptr && errno != 0) return fail_errno("read directory '{}'", path_);
        if (entry == nullptr) break;
        std::string name = &entry->d_name[0];
        if (name != "." && name != "..") names.push_back(std::move(name));
    }
    std::ranges::sort(names);
    return names;
}

Result<bool> Directory::remove_file(const std::string& name) const {
    if (::unlinkat(fd_.get(), name.c_str(), 0) == 0) return true;
    if (errno == ENOENT) return false;
    return fail_errno("remove '{}/{}'", path_, name);
}

Result<void> Directory::rename(const std::string& from, const Directory& to_folder,
                               const std::string& to) const {
    if (::renameat(fd_.get(), from.c_str(), to_folder.fd_.get(), to.c_str()) != 0)
        return fail_errno("rename '{}/{}' to '{}/{}'", path_, from, to_folder.path_, to);
    return {};
}

Result<void> Directory::sync() const {
    if (::fsync(fd_.get()) != 0) return fail_errno("make directory '{}' durable", path_);
    return {};
}

}  // namespace shardrun::sys
