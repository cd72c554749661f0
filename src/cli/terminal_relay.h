#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "shardrun/unique_fd.h"
#include "sys/event_loop.h"

namespace shardrun::cli {

/// Carries bytes between our own stdio and the master of a program's pseudo-terminal, with bounded
/// buffers: who does not read is not read from.
class TerminalRelay {
 public:
    /// `input` and `output` stay the caller's. `on_end`: the other side of the pseudo-terminal is
    /// closed and everything it said has been written, or our output is gone.
    TerminalRelay(sys::EventLoop& loop, UniqueFd master, int input, int output,
                  std::function<void()> on_end);
    ~TerminalRelay();
    TerminalRelay(const TerminalRelay&) = delete;
    TerminalRelay& operator=(const TerminalRelay&) = delete;

    Result<void> start();

    /// The program has ended: ends as soon as nothing has come for a moment, even if a program that
    /// it left behind holds the terminal open.
    void finish();

    int master() const { return master_.get(); }
    bool has_ended() const { return has_ended_; }

 private:
    /// One of our own two descriptors; a regular file cannot be polled and is always ready.
    struct Side {
        int fd = -1;
        bool is_pollable = true;
        bool is_open = true;
        sys::TimerId again{};  // Stands for a readiness that is not announced.
    };

    Result<void> watch(Side& side, std::uint32_t events, void (TerminalRelay::*on_ready)());
    void await(Side& side, std::uint32_t events, void (TerminalRelay::*on_ready)());
    void on_input();
    void on_output();
    void on_master(std::uint32_t events);
    void read_master();
    void write_master();
    void write_output();
    void forget_all();
    void end();
    void arrange();
    void await_silence();

    sys::EventLoop& loop_;
    UniqueFd master_;
    Side input_;
    Side output_;
    std::function<void()> on_end_;
    std::string to_master_;
    std::string to_output_;
    bool master_is_open_ = true;
    bool is_finishing_ = false;
    bool has_ended_ = false;
    sys::TimerId silence_{};
    sys::TimerId ending_{};
};

}  // namespace shardrun::cli
