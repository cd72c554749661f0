#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "shard/skeleton_plan.h"
#include "sys/unique_fd.h"

namespace shardrun::shard {
namespace {

std::string read_small_file(const std::string& path) {
    const sys::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    std::array<char, 4096> content{};
    const ssize_t size = fd ? ::read(fd.get(), content.data(), content.size()) : 0;
    return {content.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

}  // namespace

HostEntry look_up_host(const std::string& path, WantContent want) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return {};
    if (S_ISDIR(status.st_mode)) return {HostEntry::Kind::directory, "", ""};
    if (!S_ISLNK(status.st_mode))
        return {HostEntry::Kind::file, "", want == WantContent::yes ? read_small_file(path) : ""};
    std::array<char, 4096> target{};
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    return {HostEntry::Kind::symlink,
            std::string(target.data(), size > 0 ? static_cast<std::size_t>(size) : 0), ""};
}

}  // namespace shardrun::shard
