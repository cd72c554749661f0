#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <unordered_map>
#include <vector>

#include "streamer/engine.h"
#include "streamer/flow_queue.h"
#include "streamer/message.h"
#include "sys/seqpacket.h"
#include "sys/unique_fd.h"

namespace shardrun::streamer {

struct StreamerOptions {
    unsigned prefetch_workers = 1;
    std::uint64_t prefetch_in_flight_bytes = std::uint64_t{512} * 1024;
    bool has_ring = true;  ///< io_uring, where it is to be had
};

/// The streamer at work. What is demanded is done by the thread that hears of it, without a further
/// wake-up; what is prefetched, by others, of lower priority.
class Streamer {
 public:
    Streamer(int control, const StreamerOptions& options);
    Streamer(const Streamer&) = delete;
    Streamer& operator=(const Streamer&) = delete;
    ~Streamer();

    /// Makes rings and threads; afterwards nothing more is needed than reading, writing and memory.
    Result<void> start();
    /// Until the other end of the control socket closes.
    Result<void> run();

 private:
    std::unique_ptr<ReadRing> make_ring(unsigned chunk_slots, unsigned small_slots) const;
    void prefetch(const std::function<void()>& on_ready);
    Result<bool> receive_all();
    void on_packet(sys::Packet packet);
    void on_fill(const FillOrder& order, sys::UniqueFd source, sys::UniqueFd destination);
    void refuse_fill(const FillOrder& order, int code);
    void on_promote(JobId job);
    void on_cancel(JobId job);
    void report(std::span<const Report> reports);
    void send(std::span<const Report> reports) const;
    void take_over(std::unique_ptr<Flow> flow);
    void drain_handed_over();

    int control_;
    StreamerOptions options_;
    sys::UniqueFd wake_;    // Readable: there are flows handed over.
    sys::UniqueFd events_;  // epoll over control_ and wake_.
    InFlightBudget budget_;
    std::mutex jobs_mutex_;
    std::unordered_map<JobId, std::shared_ptr<Wishes>> jobs_;
    FlowQueue prefetches_;
    FlowQueue handed_over_;
    std::unique_ptr<Engine> demand_;
    std::vector<std::thread> workers_;
};

}  // namespace shardrun::streamer
