#include "streamer/engine.h"

#include <algorithm>
#include <array>
#include <utility>

namespace shardrun::streamer {
namespace {

// As many of these as are hashed together stay in a processor's cache.
constexpr std::size_t kWarmBytes = std::size_t{128} << 10U;

}  // namespace

bool InFlightBudget::is_calm() const {
    const auto since = Clock::now().time_since_epoch() - Clock::duration(last_urgent_.load());
    return since > kCalmAfter;
}

bool InFlightBudget::take(std::size_t bytes) {
    const auto wanted = static_cast<std::int64_t>(bytes);
    const std::int64_t bound = is_calm() ? kCalmFactor * bytes_ : bytes_;
    if (taken_.fetch_add(wanted) + wanted <= bound) return true;
    taken_ -= wanted;
    return false;
}

Engine::Engine(std::unique_ptr<ReadRing> ring, const Config& config, Done done, HandOver hand_over)
    : ring_(std::move(ring)),
      config_(config),
      done_(std::move(done)),
      hand_over_(std::move(hand_over)),
      buffer_(blob::kTogether * kWarmBytes) {}

void Engine::add(std::unique_ptr<Flow> flow) {
    bytes_left_ += flow->bytes_left();
    flows_.push_back(std::move(flow));
}

void Engine::run_once(int wake_fd) {
    bool has_moved = false;
    for (const auto& flow : flows_) has_moved = move_on(*flow) || has_moved;
    work_off();
    if (ring_ && in_flight_ > 0) {
        if (!has_moved && wake_fd >= 0) ring_->poll(wake_fd);
        reap(!has_moved);
        for (const auto& flow : flows_) (void)take_finished(*flow);
        work_off();
    }
    remove_over();
}

/// Says whether anything was done that was worth not to wait for the disk.
bool Engine::move_on(Flow& flow) {
    if (flow.is_ended()) return take_finished(flow);
    if (flow.wishes().is_cancelled) {
        flow.cancel();
        return true;
    }
    if (!flow.is_cold() || !ring_) return read_piece(flow);
    const bool has_finished = take_finished(flow);
    submit(flow);
    return has_finished;
}

bool Engine::read_piece(Flow& flow) {
    const auto buffer = std::span(buffer_).subspan(pieces_.size() * kWarmBytes, kWarmBytes);
    const auto bytes = flow.is_cold() ? flow.read_blocking(buffer) : flow.read_warm(buffer);
    if (!bytes.empty()) put_aside({.flow = &flow, .bytes = bytes});
    return true;
}

/// Until there are enough to be hashed together.
void Engine::put_aside(const Piece& piece) {
    pieces_.push_back(piece);
    if (pieces_.size() == blob::kTogether) work_off();
}

void Engine::work_off() {
    std::array<blob::HashPart, blob::kTogether> parts;
    for (std::size_t i = 0; i < pieces_.size(); ++i)
        parts[i] = {&pieces_[i].flow->hasher(), pieces_[i].bytes};
    blob::update_together(std::span(parts).first(pieces_.size()));
    for (const Piece& piece : pieces_) write(piece);
    pieces_.clear();
}

void Engine::write(const Piece& piece) {
    piece.flow->write(piece.bytes);
    if (piece.slot < 0) return;
    ring_->give_slot(piece.slot);
    // The next read is under way while others are hashed.
    if (!piece.flow->is_ended()) submit(*piece.flow);
}

/// As many reads as flow, ring and budget allow.
void Engine::submit(Flow& flow) {
    const bool is_leaving = config_.hands_over_promoted && flow.wishes().is_promoted;
    while (!is_leaving && flow.reads_in_flight() < config_.reads_per_flow_max) {
        const auto read = flow.next_read();
        if (!read || !take_budget(read->size)) return;
        const auto slot = ring_->take_slot(read->size);
        if (!slot) {
            if (config_.budget != nullptr) config_.budget->give(read->size);
            return;
        }
        const auto index = static_cast<std::size_t>(*slot);
        if (slots_.size() <= index) slots_.resize(index + 1);
        slots_[index] = {&flow, read->size};
        flow.add_read(*read, *slot, ring_->buffer(*slot));
        ring_->read(read->source, *slot, read->size, read->offset);
        ++in_flight_;
    }
}

bool Engine::take_budget(std::size_t bytes) {
    if (config_.budget == nullptr || config_.budget->take(bytes)) return true;
    if (in_flight_ > 0) return false;
    config_.budget->force(bytes);
    return true;
}

bool Engine::take_finished(Flow& flow) {
    const auto finished = flow.take_finished();
    if (!finished) return false;
    if (finished->piece.empty())
        ring_->give_slot(finished->slot);
    else
        put_aside({&flow, finished->piece, finished->slot});
    return true;
}

void Engine::reap(bool is_waiting) {
    const std::size_t awaited = is_waiting ? std::min(config_.reads_awaited, in_flight_) : 0;
    ring_->reap(static_cast<unsigned>(awaited), [this](int slot, int result) {
        const SlotUse& use = slots_[static_cast<std::size_t>(slot)];
        --in_flight_;
        if (config_.budget != nullptr) config_.budget->give(use.size);
        use.flow->on_read(slot, result);
    });
}

void Engine::remove_over() {
    std::vector<Report> reports;
    bytes_left_ = 0;
    for (auto& flow : flows_) {
        if (flow->is_over()) {
            reports.push_back(flow->finish());
            flow.reset();
        } else if (config_.hands_over_promoted && flow->wishes().is_promoted &&
                   flow->reads_in_flight() == 0) {
            hand_over_(std::move(flow));
        } else {
            bytes_left_ += flow->bytes_left();
        }
    }
    std::erase(flows_, nullptr);
    if (!reports.empty()) done_(reports);
}

}  // namespace shardrun::streamer
