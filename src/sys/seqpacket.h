#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <vector>

#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::sys {

/// Two connected SOCK_SEQPACKET ends, close-on-exec. `own` does not block; `peer` does.
struct PacketPair {
    UniqueFd own;
    UniqueFd peer;
};
Result<PacketPair> make_packet_pair();

/// Sends one datagram with descriptors, without blocking or SIGPIPE. Errors: EAGAIN when the peer
/// does not read, EPIPE, ECONNRESET when it is gone, EMSGSIZE.
Result<void> send_packet(int socket, std::span<const std::span<const std::byte>> parts,
                         std::span<const int> fds = {});

/// One datagram as it came.
struct Packet {
    std::vector<std::byte> bytes;
    std::vector<UniqueFd> fds;  ///< close-on-exec
    bool is_end = false;        ///< the peer is gone
    bool is_empty = false;      ///< nothing there now
    bool has_lost_fds = false;  ///< it had more descriptors than we may hold
};
/// What to do about a datagram whose descriptors did not all find room in our table.
enum class LostFds { refused, tolerated };
/// Descriptors that one datagram may carry, and as many as are usual.
inline constexpr std::size_t kPacketFdsMax = 128;
inline constexpr std::size_t kPacketFdsUsual = 8;
/// Receives up to `size_max` bytes and `fds_max` descriptors without blocking. Errors: EMSGSIZE
/// when the datagram was longer, or had more descriptors and they are refused.
Result<Packet> receive_packet(int socket, std::size_t size_max, LostFds lost_fds = LostFds::refused,
                              std::size_t fds_max = kPacketFdsUsual);

/// A value's bytes, for send_packet.
template <class T>
std::span<const std::byte> bytes_of(const T& value) {
    return std::as_bytes(std::span<const T, 1>(&value, 1));
}

/// The bytes as a value of T; nullptr when their number differs.
template <class T>
const T* as_value(const Packet& packet) {
    return packet.bytes.size() == sizeof(T) ? reinterpret_cast<const T*>(packet.bytes.data())
                                            : nullptr;
}

}  // namespace shardrun::sys
