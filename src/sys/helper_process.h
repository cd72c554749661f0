#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::sys {

/// How a helper is to run.
struct HelperPlan {
    std::string program;                 ///< path
    std::vector<std::string> arguments;  ///< after its name
    uid_t uid = 0;  ///< 0: ours; else it loses every capability before its first instruction
    gid_t gid = 0;
    rlim_t files_max = 1024;
    rlim_t locked_bytes_max = 0;
};

/// A program of ours in a process of its own, with a socket to talk to it. It has no environment,
/// can gain no privilege, and holds nothing of ours but stderr and, as descriptor 3, its end of the
/// socket. It is killed with the thread that started it, and with the object.
class HelperProcess {
 public:
    /// Errors: ENOENT, EACCES of the program; EPERM without the capabilities to change the uid.
    static Result<HelperProcess> start(const HelperPlan& plan);

    HelperProcess(HelperProcess&& other) noexcept
        : socket_(std::move(other.socket_)), pid_(std::exchange(other.pid_, 0)) {}
    HelperProcess& operator=(HelperProcess&& other) noexcept;
    HelperProcess(const HelperProcess&) = delete;
    HelperProcess& operator=(const HelperProcess&) = delete;
    ~HelperProcess() { end(); }

    /// Our end of a SOCK_SEQPACKET pair; does not block.
    int socket() const { return socket_.get(); }
    pid_t pid() const { return pid_; }

    /// Kills it and waits until it is gone, and with it every descriptor that it had.
    void end();

 private:
    HelperProcess(UniqueFd socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}

    UniqueFd socket_;
    pid_t pid_ = 0;
};

}  // namespace shardrun::sys
