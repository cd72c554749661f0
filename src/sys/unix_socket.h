#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::sys {

/// Descriptors that may travel with one sendmsg; more are a fault of the sender's.
inline constexpr std::size_t kFdsPerMessageMax = 8;

/// A connected, non-blocking stream socket. Errors: ENOENT, ECONNREFUSED, EACCES, ENAMETOOLONG,
/// EAGAIN when the backlog is full.
Result<UniqueFd> connect_unix(const std::string& path);

/// The next waiting connection, non-blocking; none when there is none (or it is gone already).
/// Errors: EMFILE, ENFILE, ENOMEM: try again when something was closed.
Result<std::optional<UniqueFd>> accept_unix(int listener);

/// Two connected, non-blocking stream sockets.
struct SocketPair {
    UniqueFd first;
    UniqueFd second;
};
Result<SocketPair> make_socket_pair();

/// Who the kernel says connected: credentials of the moment of connect(2) or socketpair(2).
struct PeerIdentity {
    uid_t uid = 0;
    gid_t gid = 0;
    pid_t pid = 0;
};
Result<PeerIdentity> peer_identity(int socket);

/// Holds the peer's identity against reuse of its pid. Errors: ENOPROTOOPT before Linux 6.5, ESRCH
/// or EINVAL when it is gone.
Result<UniqueFd> peer_pidfd(int socket);

/// Sends bytes, and descriptors with the first of them, without blocking or SIGPIPE. Returns the
/// number of bytes taken, at least 1; 0: try again when the socket is writable. Descriptors have
/// gone with it unless 0 is returned. Errors: EPIPE, ECONNRESET.
Result<std::size_t> send_some(int socket, std::span<const std::byte> bytes,
                              std::span<const int> fds = {});

/// What one recvmsg brought.
struct Received {
    std::size_t size_bytes = 0;  ///< 0 with `is_end` or when there is nothing now
    bool is_end = false;         ///< the peer will send no more
    std::vector<UniqueFd> fds;   ///< close-on-exec; at most kFdsPerMessageMax
};

/// Receives what is there, without blocking. The kernel ends a read after bytes that came with
/// descriptors, so at most one sender's batch arrives at a time. Errors: EMSGSIZE when more than
/// kFdsPerMessageMax came in one batch (all of them are closed then), EMFILE when they would not
/// fit into this process, ECONNRESET.
Result<Received> receive_some(int socket, std::span<std::byte> buffer);

}  // namespace shardrun::sys
