#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "streamer/flow.h"
#include "streamer/read_ring.h"

namespace shardrun::streamer {

/// Bytes that all prefetches together may have under way at the disk: what is there already cannot
/// be called back when something urgent comes. While nothing urgent has come for a moment they are
/// kCalmFactor times as many.
class InFlightBudget {
 public:
    explicit InFlightBudget(std::uint64_t bytes) : bytes_(static_cast<std::int64_t>(bytes)) {}
    bool take(std::size_t bytes);
    /// Takes what there is not: whoever has nothing under way must not wait for others.
    void force(std::size_t bytes) { taken_ += static_cast<std::int64_t>(bytes); }
    void give(std::size_t bytes) { taken_ -= static_cast<std::int64_t>(bytes); }
    void note_urgent() { last_urgent_ = Clock::now().time_since_epoch().count(); }

 private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::int64_t kCalmFactor = 16;
    static constexpr std::chrono::milliseconds kCalmAfter{100};
    bool is_calm() const;

    std::int64_t bytes_;
    std::atomic<std::int64_t> taken_{0};
    std::atomic<Clock::rep> last_urgent_{0};
};

/// Moves several flows on, a piece of each in turn, so that a small one does not wait for the end
/// of a large one. One thread.
class Engine {
 public:
    struct Config {
        std::size_t flows_max = 64;
        /// Room for another flow while those there have less left to do.
        std::uint64_t bytes_max = std::numeric_limits<std::uint64_t>::max();
        std::size_t reads_per_flow_max = 8;
        std::size_t reads_awaited = 1;     ///< when there is nothing else to do
        InFlightBudget* budget = nullptr;  ///< none: only the slots bound it
        bool hands_over_promoted = false;
    };
    /// What ended in one round.
    using Done = std::function<void(std::span<const Report>)>;
    using HandOver = std::function<void(std::unique_ptr<Flow>)>;

    /// `ring` absent: the engine reads without one, each piece to its end.
    Engine(std::unique_ptr<ReadRing> ring, const Config& config, Done done,
           HandOver hand_over = {});

    bool is_idle() const { return flows_.empty(); }
    std::size_t flow_count() const { return flows_.size(); }
    bool has_room() const {
        return flows_.size() < blob::kTogether ||
               (flows_.size() < config_.flows_max && bytes_left_ < config_.bytes_max);
    }
    void add(std::unique_ptr<Flow> flow);

    /// One piece of each flow, several of them hashed together. When nothing can be done but wait
    /// for the disk it waits, until something is read or `wake_fd` is readable (-1: none).
    void run_once(int wake_fd);

 private:
    struct SlotUse {
        Flow* flow = nullptr;
        std::size_t size = 0;
    };
    /// Read, but neither hashed nor written.
    struct Piece {
        Flow* flow = nullptr;
        std::span<const std::byte> bytes;
        int slot = -1;  ///< that it lies in; -1: in buffer_
    };
    bool move_on(Flow& flow);
    bool read_piece(Flow& flow);
    void put_aside(const Piece& piece);
    void work_off();
    void write(const Piece& piece);
    void submit(Flow& flow);
    bool take_budget(std::size_t bytes);
    bool take_finished(Flow& flow);
    void reap(bool is_waiting);
    void remove_over();

    std::unique_ptr<ReadRing> ring_;
    Config config_;
    Done done_;
    HandOver hand_over_;
    std::vector<std::unique_ptr<Flow>> flows_;
    std::vector<SlotUse> slots_;
    std::size_t in_flight_ = 0;
    std::uint64_t bytes_left_ = 0;  // Of all flows, at the last round's end.
    std::vector<Piece> pieces_;     // Of flows that all differ.
    std::vector<std::byte> buffer_;
};

}  // namespace shardrun::streamer
