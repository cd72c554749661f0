#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "proto/frame_decoder.h"
#include "proto/limits.h"

namespace shardrun::proto {

/// Gives each frame the descriptors that came with its first byte. `Fd` is an owner (closes what is
/// never claimed) or a token.
///
/// Descriptors cannot overtake bytes, and recvmsg(2) stops after the bytes that carried some; but
/// it may deliver earlier bytes in front of them. So all that is known of a set of descriptors is
/// the range of stream offsets that one recvmsg filled, and that no byte of another set is in it.
/// Call `arrived` after every recvmsg that brought descriptors, before its bytes are decoded;
/// `claim` for every frame; `settle` once recvmsg's bytes are decoded.
template <class Fd>
class FdLedger {
 public:
    /// `begin` is the decoder's offset_bytes() before the bytes that came along, `end` after them.
    Result<void> arrived(std::uint64_t begin, std::uint64_t end, std::vector<Fd> fds) {
        if (fds.empty()) return {};
        if (fds.size() > kFdCountMax)
            return refuse(EPROTO, "{} descriptors came at once, a frame has at most {}", fds.size(),
                          unsigned{kFdCountMax});
        sets_.push_back(Set{begin, end, std::move(fds)});
        return {};
    }

    /// The descriptors of `received`, exactly as many as its header announced. Errors: EPROTO.
    Result<std::vector<Fd>> claim(const ReceivedFrame& received) {
        const std::size_t wanted = received.frame.fd_count;
        if (wanted == 0) return std::vector<Fd>{};
        const std::uint64_t begin = received.begin_offset_bytes;
        if (sets_.empty() || begin < sets_.front().begin || begin >= sets_.front().end)
            return refuse(EPROTO, "the frame announces {} descriptors and none came with it",
                          wanted);
        std::vector<Fd> fds = std::move(sets_.front().fds);
        sets_.pop_front();
        if (fds.size() != wanted)
            return refuse(EPROTO, "the frame announces {} descriptors and {} came with it", wanted,
                          fds.size());
        return fds;
    }

    /// Refuses descriptors that no frame can claim any more; so at most one set ever waits, that of
    /// the frame under way. `frame_begin` is the decoder's frame_begin_bytes(). Errors: EPROTO.
    Result<void> settle(std::uint64_t frame_begin) {
        for (const Set& set : sets_)
            if (frame_begin < set.begin || frame_begin >= set.end)
                return refuse(EPROTO, "{} descriptors came with no frame that announces them",
                              set.fds.size());
        return {};
    }

    /// Sets that wait for their frame.
    std::size_t size() const { return sets_.size(); }

 private:
    struct Set {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
        std::vector<Fd> fds;
    };
    std::deque<Set> sets_;
};

}  // namespace shardrun::proto
