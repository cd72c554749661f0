#include "sys/seqpacket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstring>

#include "base/fail.h"

namespace shardrun::sys {
namespace {

constexpr std::size_t kPartsMax = 4;

void take_descriptors(msghdr& header, Packet& packet) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
         part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
            packet.fds.emplace_back(fd);
        }
    }
}

}  // namespace

Result<PacketPair> make_packet_pair() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return fail_errno("make a socket pair");
    return PacketPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<void> send_packet(int socket, std::span<const std::span<const std::byte>> parts,
                         std::span<const int> fds) {
    SR_ASSERT(parts.size() <= kPartsMax && fds.size() <= kPacketFdsMax);
    std::array<iovec, kPartsMax> vectors{};
    for (std::size_t i = 0; i < parts.size(); ++i)
        vectors[i] = {const_cast<std::byte*>(parts[i].data()),
                      parts[i].size()};  // sendmsg does not write.
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kPacketFdsMax * sizeof(int))> control;
    msghdr header{};
    header.msg_iov = vectors.data();
    header.msg_iovlen = parts.size();
    if (!fds.empty()) {
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
    }
    if (::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return fail_errno("send an order");
    return {};
}

Result<Packet> receive_packet(int socket, std::size_t size_max, LostFds lost_fds,
                              std::size_t fds_max) {
    SR_ASSERT(fds_max <= kPacketFdsMax);
    Packet packet;
    packet.bytes.resize(size_max);
    iovec vector{packet.bytes.data(), size_max};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kPacketFdsMax * sizeof(int))> control;
    msghdr header{};
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(fds_max * sizeof(int));
    const ssize_t size = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    packet.is_empty = size < 0 && (errno == EAGAIN || errno == EINTR);
    packet.is_end = size == 0 || (size < 0 && errno == ECONNRESET);
    if (size < 0 && !packet.is_empty && !packet.is_end) return fail_errno("receive a report");
    packet.bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    if (size > 0) take_descriptors(header, packet);
    packet.has_lost_fds = size > 0 && (header.msg_flags & MSG_CTRUNC) != 0;
    const bool is_cut = size > 0 && (header.msg_flags & MSG_TRUNC) != 0;
    if (is_cut || (packet.has_lost_fds && lost_fds == LostFds::refused))
        return fail(EMSGSIZE, "receive a report");
    return packet;
}

}  // namespace shardrun::sys
