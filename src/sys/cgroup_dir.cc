#include "sys/cgroup_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "base/fail.h"

namespace shardrun::sys {
namespace {

constexpr std::size_t kAttributeSizeMax = 64UL * 1024;
constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

}  // namespace

Result<CgroupDir> CgroupDir::open(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return fail_errno("open cgroup '{}'", path);
    return CgroupDir(path, std::move(fd));
}

Result<CgroupDir> CgroupDir::make_child(const std::string& name, bool must_be_new) const {
    if (::mkdirat(fd_.get(), name.c_str(), 0755) != 0 && (errno != EEXIST || must_be_new))
        return fail_errno("create cgroup '{}/{}'", path_, name);
    return open_child(name);
}

Result<CgroupDir> CgroupDir::open_child(const std::string& name) const {
    UniqueFd fd(::openat(fd_.get(), name.c_str(), kDirectoryFlags));
    if (!fd) return fail_errno("open cgroup '{}/{}'", path_, name);
    return CgroupDir(path_ + "/" + name, std::move(fd));
}

Result<void> CgroupDir::write(const std::string& attribute, std::string_view value) const {
    const UniqueFd file(::openat(fd_.get(), attribute.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!file) return fail_errno("open '{}/{}'", path_, attribute);
    if (::write(file.get(), value.data(), value.size()) < 0)
        return fail_errno("write '{}' to '{}/{}'", value, path_, attribute);
    return {};
}

Result<std::string> CgroupDir::read(const std::string& attribute) const {
    const UniqueFd file(::openat(fd_.get(), attribute.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!file) return fail_errno("open '{}/{}'", path_, attribute);
    std::string text;
    std::array<char, 4096> part{};
    while (text.size() < kAttributeSizeMax) {
        const ssize_t size = ::read(file.get(), part.data(), part.size());
        if (size < 0) return fail_errno("read '{}/{}'", path_, attribute);
        if (size == 0) break;
        text.append(part.data(), static_cast<std::size_t>(size));
    }
    return text;
}

Result<void> CgroupDir::kill() const {
    return write("cgroup.kill", "1");
}

Result<std::vector<std::string>> CgroupDir::children() const {
    const int copy =
        ::openat(fd_.get(), ".", kDirectoryFlags);  // readdir moves the offset of what it is given.
    if (copy < 0) return fail_errno("list cgroup '{}'", path_);
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(copy), ::closedir);
    if (!directory) {
        (void)::close(copy);
        return fail_errno("list cgroup '{}'", path_);
    }
    std::vector<std::string> names;
    while (const dirent* entry =
               ::readdir(directory.get())) {  // NOLINT(concurrency-mt-unsafe): own stream.
        const std::string name = static_cast<const char*>(entry->d_name);
        if (entry->d_type == DT_DIR && name != "." && name != "..") names.push_back(name);
    }
    return names;
}

Result<void> CgroupDir::remove_child(const std::string& name) const {
    if (::unlinkat(fd_.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
        return fail_errno("remove cgroup '{}/{}'", path_, name);
    return {};
}

Result<bool> CgroupDir::try_lock() const {
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0) return true;
    if (errno == EWOULDBLOCK) return false;
    return fail_errno("lock cgroup '{}'", path_);
}

}  // namespace shardrun::sys
