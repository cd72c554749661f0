#include "sys/unix_listener.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include "base/fail.h"
#include "sys/unix_socket.h"

namespace shardrun::sys {
namespace {

std::string lock_path(const std::string& path) {
    return path + ".lock";
}

bool is_same_file(int fd, const std::string& path) {
    struct stat held {};
    struct stat named {};
    return ::fstat(fd, &held) == 0 && ::lstat(path.c_str(), &named) == 0 &&
           held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

Result<UniqueFd> lock_beside(const std::string& path) {
    const std::string name = lock_path(path);
    while (true) {
        UniqueFd lock(::open(name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!lock) return fail_errno("open lock '{}'", name);
        if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK) return fail_errno("lock '{}'", name);
            return refuse(EADDRINUSE, "listen at '{}': another supervisor serves it", path);
        }
        // The former holder removes the file at its end: what was locked may have no name any more.
        if (is_same_file(lock.get(), name)) return lock;
    }
}

// Under the lock nobody of ours serves the path, but somebody else might.
Result<void> remove_dead_socket(const std::string& path) {
    struct stat there {};
    if (::lstat(path.c_str(), &there) != 0) {
        if (errno == ENOENT) return {};
        return fail_errno("look at '{}'", path);
    }
    if (!S_ISSOCK(there.st_mode))
        return refuse(ENOTSOCK,
                      "listen at '{}': something that is not a socket is there; move it "
                      "away or change socket.path",
                      path);
    const auto probe = connect_unix(path);
    if (probe || probe.error().code != ECONNREFUSED)
        return refuse(EADDRINUSE, "listen at '{}': another program serves it", path);
    if (::unlink(path.c_str()) != 0) return fail_errno("remove dead socket '{}'", path);
    return {};
}

Result<void> make_directory_of(const std::string& path) {
    const std::string directory = std::filesystem::path(path).parent_path().string();
    if (directory.empty()) return {};
    if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST)
        return fail_errno("create directory '{}'", directory);
    return {};
}

Result<gid_t> group_id(const std::string& group) {
    gid_t gid = 0;
    const auto [end, error] = std::from_chars(group.data(), group.data() + group.size(), gid);
    if (error == std::errc() && end == group.data() + group.size()) return gid;
    struct group entry {};
    struct group* found = nullptr;
    std::array<char, 16384> text{};
    (void)::getgrnam_r(group.c_str(), &entry, text.data(), text.size(), &found);
    if (found == nullptr) return refuse(EINVAL, "socket.group: no group is called '{}'", group);
    return entry.gr_gid;
}

Result<void> grant(int name_fd, const ListenOptions& options) {
    if (!options.group.empty()) {
        SR_TRY(const gid_t gid, group_id(options.group));
        if (::fchownat(name_fd, "", static_cast<uid_t>(-1), gid, AT_EMPTY_PATH) != 0)
            return fail_errno("give socket '{}' to group '{}'", options.path, options.group);
    }
    // An O_PATH descriptor takes no fchmod(2), its entry in /proc does.
    const std::string name = fmt::format("/proc/self/fd/{}", name_fd);
    if (::chmod(name.c_str(), options.mode) != 0)
        return fail_errno("set mode of socket '{}'", options.path);
    return {};
}

Result<void> bind_closed(int socket, const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
    // The name is born with the mode of the socket's own inode: nobody connects before `grant`.
    if (::fchmod(socket, 0) != 0) return fail_errno("close socket '{}' to others", path);
    if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail_errno("listen at '{}'", path);
    return {};
}

}  // namespace

Result<UnixListener> UnixListener::listen(const ListenOptions& options) {
    if (options.path.empty() || options.path.size() >= sizeof(sockaddr_un::sun_path))
        return refuse(ENAMETOOLONG, "listen at '{}': a socket's path has 1 to {} bytes",
                      options.path, sizeof(sockaddr_un::sun_path) - 1);
    SR_DO(make_directory_of(options.path));
    SR_TRY(UniqueFd lock, lock_beside(options.path));
    SR_DO(remove_dead_socket(options.path));
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return fail_errno("create socket");
    SR_DO(bind_closed(socket.get(), options.path));
    const UniqueFd name(::open(options.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat made {};
    if (!name || ::fstat(name.get(), &made) != 0)
        return fail_errno("open socket '{}'", options.path);
    UnixListener listener(options.path, std::move(lock), std::move(socket), made.st_ino);
    SR_DO(grant(name.get(), options));
    if (::listen(listener.fd(), options.backlog) != 0)
        return fail_errno("listen at '{}'", options.path);
    return listener;
}

UnixListener::~UnixListener() {
    if (!socket_) return;
    struct stat there {};
    if (::lstat(path_.c_str(), &there) == 0 && there.st_ino == inode_)
        (void)::unlink(path_.c_str());
    (void)::unlink(lock_path(path_).c_str());
}

}  // namespace shardrun::sys
