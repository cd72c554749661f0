#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "shardrun/error.h"
#include "sys/helper_process.h"
#include "sys/seqpacket.h"
#include "sys/unique_fd.h"

namespace shardrun::sys {

enum class JobKind : std::uint8_t { urgent, other };

/// A helper process that works off jobs, and the packets that go to and fro: orders that the socket
/// has no room for wait here, with their descriptors.
class HelperLink {
 public:
    /// `name` is what it is called when it is gone: "the streamer". So many jobs may be under way
    /// at once, and so many orders of jobs that are not urgent go in one packet.
    HelperLink(HelperProcess helper, std::string name, std::size_t jobs_max,
               std::size_t orders_per_packet_max = 1)
        : helper_(std::move(helper)),
          name_(std::move(name)),
          jobs_max_(jobs_max),
          orders_per_packet_max_(orders_per_packet_max) {}

    /// To be polled for EPOLLIN, and for EPOLLOUT while wants_to_send().
    int fd() const { return helper_.socket(); }
    pid_t pid() const { return helper_.pid(); }

    /// After those that wait already. The descriptors are closed here once they are sent. Never
    /// blocks. Errors: EPIPE when the helper is gone.
    Result<void> send(std::vector<std::byte> order, std::vector<UniqueFd> fds = {});
    /// The same with a new job, of which one message is to tell the end. What is not urgent may
    /// wait for others to share a packet with, until flush(). Errors: EAGAIN when jobs_max are
    /// under way, for those that are not urgent a quarter earlier.
    Result<void> send_job(JobKind kind, std::vector<std::byte> order, std::vector<UniqueFd> fds);
    std::size_t jobs_under_way() const { return jobs_under_way_; }
    bool wants_to_send() const { return !unsent_.empty(); }
    /// As many as the socket takes now. Errors: EPIPE.
    Result<void> flush();

    /// The ends of jobs: the messages that `decode` finds in each packet that came since, at most
    /// `size_max` bytes each. Errors: EPIPE when the helper is gone, and nothing came before that;
    /// those of `decode`.
    template <class Decode>
    auto next(std::size_t size_max, Decode decode)
        -> decltype(decode(std::span<const std::byte>()));

    /// Kills it and waits for that.
    void end() { helper_.end(); }

 private:
    struct Unsent {
        std::vector<std::byte> bytes;
        std::vector<UniqueFd> fds;
        std::size_t orders_left = 0;  ///< that it may still take up
    };
    bool join_last(std::span<const std::byte> order, std::vector<UniqueFd>& fds);
    Result<bool> try_send(const Unsent& order) const;

    HelperProcess helper_;
    std::string name_;
    std::size_t jobs_max_;
    std::size_t orders_per_packet_max_;
    std::size_t jobs_under_way_ = 0;
    std::deque<Unsent> unsent_;
};

template <class Decode>
auto HelperLink::next(std::size_t size_max, Decode decode)
    -> decltype(decode(std::span<const std::byte>())) {
    typename decltype(decode(std::span<const std::byte>()))::value_type messages;
    while (true) {
        SR_TRY(const Packet packet, receive_packet(fd(), size_max));
        if (packet.is_empty) return messages;
        // What it said before its end counts.
        if (packet.is_end && !messages.empty()) return messages;
        if (packet.is_end) return refuse(EPIPE, "{} is gone", name_);
        SR_TRY(auto some, decode(std::span<const std::byte>(packet.bytes)));
        // Never below, whatever it reports.
        jobs_under_way_ -= std::min(jobs_under_way_, some.size());
        std::ranges::move(some, std::back_inserter(messages));
    }
}

}  // namespace shardrun::sys
