#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::sys {

struct ListenOptions {
    std::string path;
    mode_t mode = 0660;
    std::string group{};  ///< name or number; empty: as created
    int backlog = 128;
};

/// A listening stream socket with a name in the file system, which goes with it. A lock file beside
/// it ("<path>.lock") says that somebody serves the path.
class UnixListener {
 public:
    /// Replaces a socket that nobody serves any more, and nothing but a socket. Makes the last
    /// directory of the path when it is missing. Non-blocking. Errors: EADDRINUSE when somebody
    /// serves the path, ENOTSOCK when something else is there, ENAMETOOLONG, EINVAL for an unknown
    /// group.
    static Result<UnixListener> listen(const ListenOptions& options);

    UnixListener(UnixListener&&) noexcept = default;
    UnixListener& operator=(UnixListener&&) = delete;
    UnixListener(const UnixListener&) = delete;
    UnixListener& operator=(const UnixListener&) = delete;
    ~UnixListener();

    int fd() const { return socket_.get(); }
    const std::string& path() const { return path_; }

 private:
    UnixListener(std::string path, UniqueFd lock, UniqueFd socket, ino_t inode)
        : path_(std::move(path)),
          lock_(std::move(lock)),
          socket_(std::move(socket)),
          inode_(inode) {}

    std::string path_;
    UniqueFd lock_;  // Outlives the socket's name: whoever gets the lock finds the path free.
    UniqueFd socket_;
    ino_t inode_ = 0;
};

}  // namespace shardrun::sys
