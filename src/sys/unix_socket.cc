#include "sys/unix_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/fail.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77  // Linux 6.5; Debian 12's headers are older.
#endif

namespace shardrun::sys {
namespace {

constexpr int kSocketFlags = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
constexpr std::size_t kControlSize = CMSG_SPACE(sizeof(int) * kFdsPerMessageMax);

// Aligned as the kernel wants its control messages.
struct ControlBuffer {
    alignas(cmsghdr) std::array<char, kControlSize> bytes{};
};

void attach_fds(msghdr& message, ControlBuffer& control, std::span<const int> fds) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
}

// Owns every descriptor that came, before anything is judged: a refusal then closes them.
std::vector<UniqueFd> take_fds(msghdr& message) {
    std::vector<UniqueFd> fds;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        std::array<int, kFdsPerMessageMax> numbers{};
        std::memcpy(numbers.data(), CMSG_DATA(header),
                    std::min(count, numbers.size()) * sizeof(int));
        for (std::size_t i = 0; i < std::min(count, numbers.size()); ++i)
            fds.emplace_back(numbers.at(i));
    }
    return fds;
}

Result<void> check_truncation(int flags, std::size_t fd_count) {
    if ((flags & MSG_CTRUNC) == 0) return {};
    // The kernel closed what did not fit into the buffer, or into this process.
    if (fd_count < kFdsPerMessageMax) return fail(EMFILE, "receive descriptors");
    return refuse(EMSGSIZE, "more than {} descriptors came with one message", kFdsPerMessageMax);
}

}  // namespace

Result<UniqueFd> connect_unix(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return refuse(ENAMETOOLONG, "connect to '{}': a socket's path has 1 to {} bytes", path,
                      sizeof address.sun_path - 1);
    path.copy(static_cast<char*>(address.sun_path), path.size());
    UniqueFd socket(::socket(AF_UNIX, kSocketFlags, 0));
    if (!socket) return fail_errno("create socket");
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail_errno("connect to '{}'", path);
    return socket;
}

Result<std::optional<UniqueFd>> accept_unix(int listener) {
    UniqueFd socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket) return std::optional(std::move(socket));
    if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) return std::nullopt;
    return fail_errno("accept connection");
}

Result<SocketPair> make_socket_pair() {
    std::array<int, 2> fds{};
    if (::socketpair(AF_UNIX, kSocketFlags, 0, fds.data()) != 0)
        return fail_errno("create socket pair");
    return SocketPair{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Result<PeerIdentity> peer_identity(int socket) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return fail_errno("read peer credentials");
    return PeerIdentity{credentials.uid, credentials.gid, credentials.pid};
}

Result<UniqueFd> peer_pidfd(int socket) {
    int pidfd = -1;
    socklen_t size = sizeof pidfd;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) != 0)
        return fail_errno("open pidfd of peer");
    return UniqueFd(pidfd);
}

Result<std::size_t> send_some(int socket, std::span<const std::byte> bytes,
                              std::span<const int> fds) {
    SR_ASSERT(!bytes.empty() && fds.size() <= kFdsPerMessageMax);
    iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};  // sendmsg only reads it.
    ControlBuffer control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!fds.empty()) attach_fds(message, control, fds);
    while (true) {
        const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) return static_cast<std::size_t>(sent);
        if (errno == EAGAIN) return std::size_t{0};
        if (errno != EINTR) return fail_errno("send");
    }
}

Result<Received> receive_some(int socket, std::span<std::byte> buffer) {
    iovec part{buffer.data(), buffer.size()};
    ControlBuffer control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    ssize_t size = -1;
    do {
        size = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size < 0 && errno == EAGAIN) return Received{};
    if (size < 0) return fail_errno("receive");
    std::vector<UniqueFd> fds = take_fds(message);
    SR_DO(check_truncation(message.msg_flags, fds.size()));
    return Received{static_cast<std::size_t>(size), size == 0, std::move(fds)};
}

}  // namespace shardrun::sys
