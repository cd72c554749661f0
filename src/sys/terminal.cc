#include "sys/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "base/fail.h"

namespace shardrun::sys {
namespace {

// What a fatal signal's handler puts back. Written before the handlers are installed.
std::atomic<int> raw_terminal{-1};
termios terminal_before{};

constexpr int kFatalSignals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};

/// tcsetattr is async-signal-safe (signal-safety(7)). The signal's default action follows, because
/// the handler was installed for one time.
extern "C" void restore_and_die(int signal_number) {
    const int terminal = raw_terminal.load();
    if (terminal >= 0) (void)::tcsetattr(terminal, TCSANOW, &terminal_before);
    (void)::raise(signal_number);
}

void guard_fatal_signals() {
    struct sigaction action {};
    action.sa_handler = restore_and_die;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    for (const int signal_number : kFatalSignals)
        (void)::sigaction(signal_number, &action, nullptr);  // Cannot fail for these.
}

termios as_raw(termios settings) {
    ::cfmakeraw(&settings);
    return settings;
}

}  // namespace

bool is_terminal(int fd) {
    return ::isatty(fd) == 1;
}

WindowSize window_size(int terminal) {
    winsize size{};
    if (::ioctl(terminal, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
        return {24, 80};
    return {size.ws_row, size.ws_col};
}

Result<void> set_window_size(int master, const WindowSize& size) {
    winsize wanted{};
    wanted.ws_row = size.rows;
    wanted.ws_col = size.columns;
    if (::ioctl(master, TIOCSWINSZ, &wanted) != 0)
        return fail_errno("set the terminal's size to {}x{}", size.columns, size.rows);
    return {};
}

Result<RawMode> RawMode::enter(int terminal) {
    termios former{};
    if (::tcgetattr(terminal, &former) != 0) return fail_errno("read the terminal's settings");
    terminal_before = former;
    raw_terminal.store(terminal);
    guard_fatal_signals();
    RawMode mode(terminal, former);
    const termios raw = as_raw(former);
    if (::tcsetattr(terminal, TCSADRAIN, &raw) != 0) return fail_errno("make the terminal raw");
    return mode;
}

RawMode::RawMode(RawMode&& other) noexcept
    : terminal_(std::exchange(other.terminal_, -1)), former_(other.former_) {}

RawMode::~RawMode() {
    if (terminal_ < 0) return;
    suspend();
    raw_terminal.store(-1);
}

void RawMode::suspend() {
    // A terminal that went away needs nothing put back.
    (void)::tcsetattr(terminal_, TCSADRAIN, &former_);
}

void RawMode::resume() {
    const termios raw = as_raw(former_);
    (void)::tcsetattr(terminal_, TCSADRAIN, &raw);
}

}  // namespace shardrun::sys
