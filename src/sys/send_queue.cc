#include "sys/send_queue.h"

#include <array>
#include <utility>

#include "base/fail.h"
#include "sys/unix_socket.h"

namespace shardrun::sys {
namespace {

constexpr std::size_t kChunkSizeMax = std::size_t{64} << 10U;

}  // namespace

void SendQueue::push(std::span<const std::byte> bytes, std::vector<UniqueFd> fds) {
    SR_ASSERT(fds.size() <= kFdsPerMessageMax);
    size_bytes_ += bytes.size();
    fd_count_ += fds.size();
    // Small messages share one system call. Those with descriptors begin a chunk, as descriptors go
    // with its first byte.
    if (fds.empty() && !chunks_.empty() &&
        chunks_.back().bytes.size() + bytes.size() <= kChunkSizeMax) {
        std::vector<std::byte>& last = chunks_.back().bytes;
        last.insert(last.end(), bytes.begin(), bytes.end());
        return;
    }
    chunks_.push_back({{bytes.begin(), bytes.end()}, 0, std::move(fds)});
}

Result<std::size_t> SendQueue::send_front(int socket) {
    Chunk& chunk = chunks_.front();
    std::array<int, kFdsPerMessageMax> numbers{};
    for (std::size_t i = 0; i < chunk.fds.size(); ++i) numbers.at(i) = chunk.fds[i].get();
    const std::span<const std::byte> rest = std::span(chunk.bytes).subspan(chunk.sent_bytes);
    SR_TRY(const std::size_t sent,
           send_some(socket, rest, std::span(numbers).first(chunk.fds.size())));
    if (sent == 0) return sent;
    fd_count_ -= chunk.fds.size();
    chunk.fds.clear();
    chunk.sent_bytes += sent;
    size_bytes_ -= sent;
    if (chunk.sent_bytes == chunk.bytes.size()) chunks_.pop_front();
    return sent;
}

Result<std::size_t> SendQueue::flush(int socket) {
    std::size_t total = 0;
    while (!chunks_.empty()) {
        SR_TRY(const std::size_t sent, send_front(socket));
        if (sent == 0) break;
        total += sent;
    }
    return total;
}

}  // namespace shardrun::sys
