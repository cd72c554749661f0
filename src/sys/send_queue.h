#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <vector>

#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::sys {

/// What waits to be sent over one stream socket. Descriptors go with the first byte of the bytes
/// they were pushed with. Has no bound of its own: whoever pushes looks at the sizes.
class SendQueue {
 public:
    /// At most kFdsPerMessageMax descriptors; they are closed once they are sent.
    void push(std::span<const std::byte> bytes, std::vector<UniqueFd> fds);

    /// Sends as much as the socket takes now and says how many bytes that was. Errors: EPIPE,
    /// ECONNRESET.
    Result<std::size_t> flush(int socket);

    bool is_empty() const { return chunks_.empty(); }
    std::size_t size_bytes() const { return size_bytes_; }
    std::size_t fd_count() const { return fd_count_; }

 private:
    struct Chunk {
        std::vector<std::byte> bytes;
        std::size_t sent_bytes = 0;
        std::vector<UniqueFd> fds;
    };
    Result<std::size_t> send_front(int socket);

    std::deque<Chunk> chunks_;
    std::size_t size_bytes_ = 0;
    std::size_t fd_count_ = 0;
};

}  // namespace shardrun::sys
