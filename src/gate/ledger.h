#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "gate/entry.h"
#include "gate/gate_state.h"
#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::gate {

/// Which opens wait under which event numbers, in memory that outlives its writer: the kernel tells
/// an event once, so whoever takes over a gate learns here whom it has to answer. One writer.
class Ledger {
 public:
    /// Room for event numbers below `count`.
    static Result<Ledger> create(std::uint32_t count);
    /// Goes on with another process's. Errors: EPROTO when it is none.
    static Result<Ledger> adopt(sys::UniqueFd memory);

    Ledger(Ledger&& other) noexcept
        : memory_(std::move(other.memory_)), words_(std::exchange(other.words_, {})) {}
    Ledger& operator=(Ledger&&) = delete;
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;
    ~Ledger();

    /// To be handed on.
    int fd() const { return memory_.get(); }
    /// Event numbers from here on cannot be noted.
    std::uint32_t count() const { return static_cast<std::uint32_t>(words_.size()) - 1; }

    /// Around every read of events: between the two some may be known to the kernel only.
    void begin_reading();
    void end_reading();
    bool is_reading() const;

    void note(Ticket ticket, FileId file);
    void strike(Ticket ticket);
    bool has(Ticket ticket) const;
    std::vector<std::pair<Ticket, FileId>> waiting() const;

 private:
    Ledger(sys::UniqueFd memory, std::span<std::uint32_t> words)
        : memory_(std::move(memory)), words_(words) {}
    static Result<Ledger> map(sys::UniqueFd memory, std::size_t size_bytes);
    std::uint32_t& word(Ticket ticket) const;

    sys::UniqueFd memory_;
    std::span<std::uint32_t>
        words_;  // [0]: reading; [1 + n]: 1 + the file that event n waits for, or 0.
};

}  // namespace shardrun::gate
