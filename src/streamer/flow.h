#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "blob/digest.h"
#include "streamer/job.h"

namespace shardrun::streamer {

inline constexpr std::size_t kChunkBytes = std::size_t{256} * 1024;
/// Of addresses, offsets and sizes of direct reads; no disk wants more.
inline constexpr std::size_t kAlignment = 4096;

/// One job on its way: what is read goes into the digest and into the destination, in order.
class Flow {
 public:
    explicit Flow(Job job) : job_(std::move(job)) {}

    /// Looks at the source. To be called once, first.
    void begin();
    /// Nothing is left to be done but what is in flight.
    bool is_ended() const { return is_ended_; }
    bool is_over() const { return is_ended() && in_flight_.empty(); }
    bool is_cold() const { return is_cold_; }
    std::size_t reads_in_flight() const { return in_flight_.size(); }
    const Wishes& wishes() const { return *job_.wishes; }
    JobId job() const { return job_.order.job; }
    std::uint64_t bytes_left() const { return job_.order.size_bytes - done_; }

    void cancel() { end(Outcome::cancelled); }

    /// The next piece, if it is in the page cache; else none, and the flow is cold from now on, or
    /// has ended.
    std::span<const std::byte> read_warm(std::span<std::byte> buffer);
    /// The next piece, however long that takes; none: the flow has ended, or is to be asked again.
    std::span<const std::byte> read_blocking(std::span<std::byte> buffer);

    /// What a piece has to go through before it is written.
    blob::Hasher& hasher() { return hasher_; }
    /// A piece that went through it; with the last one the digest is compared, before it is
    /// written.
    void write(std::span<const std::byte> piece);

    /// A read that a cold flow wants to have done next; none when all are under way.
    struct Read {
        int source = -1;
        std::uint64_t offset = 0;
        std::size_t size = 0;  ///< aligned; may go past the end
    };
    std::optional<Read> next_read() const;
    /// It is under way into `buffer`, which `slot` stands for.
    void add_read(const Read& read, int slot, std::byte* buffer);
    /// It came to `result`, as io_uring says it.
    void on_read(int slot, int result);
    /// The first read in order, if it is over.
    struct Finished {
        int slot = -1;                     ///< not the flow's any more
        std::span<const std::byte> piece;  ///< in its buffer; none when the flow has ended
    };
    std::optional<Finished> take_finished();

    /// Closes the descriptors. Only when is_over.
    Report finish();

 private:
    struct InFlight {
        int slot = -1;
        std::uint64_t offset = 0;
        std::span<std::byte> buffer;
        std::size_t wanted = 0;  ///< bytes of the file
        std::optional<int> result;
    };

    void end(Outcome outcome, int code = 0);
    std::span<const std::byte> piece_or_end(std::span<std::byte> buffer, ssize_t size, int code);
    void read_directly(bool is_direct);
    bool read_again(InFlight& read);
    void become_cold();

    Job job_;
    blob::Hasher hasher_;
    std::uint64_t done_ = 0;       ///< hashed and written
    std::uint64_t requested_ = 0;  ///< of a cold flow: read, or about to be
    bool is_cold_ = false;
    std::optional<bool> is_direct_;    // As the source is set.
    std::vector<InFlight> in_flight_;  // In order; a few.
    bool is_ended_ = false;
    Report report_;
};

}  // namespace shardrun::streamer
