#pragma once

#include <termios.h>

#include "shardrun/error.h"
#include "shardrun/messages.h"

namespace shardrun::sys {

bool is_terminal(int fd);

/// Rows and columns; 24 × 80 when the terminal does not know.
WindowSize window_size(int terminal);
/// Tells a pseudo-terminal's master its size; the programs on it get SIGWINCH.
Result<void> set_window_size(int master, const WindowSize& size);

/// A terminal that hands every key on as it comes, until the object goes. Also put back when a
/// fatal signal (SIGSEGV and its like) ends the process; only SIGKILL leaves it raw. At most one at
/// a time. Source: termios(3).
class RawMode {
 public:
    /// `terminal` stays the caller's. Errors: ENOTTY, EIO.
    static Result<RawMode> enter(int terminal);

    RawMode(RawMode&& other) noexcept;
    RawMode& operator=(RawMode&&) = delete;
    RawMode(const RawMode&) = delete;
    RawMode& operator=(const RawMode&) = delete;
    ~RawMode();

    /// For the time in which this process is stopped.
    void suspend();
    void resume();

 private:
    RawMode(int terminal, const termios& former) : terminal_(terminal), former_(former) {}

    int terminal_ = -1;
    termios former_{};
};

}  // namespace shardrun::sys
