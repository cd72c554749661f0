#include "cli/terminal_relay.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/fail.h"

namespace shardrun::cli {
namespace {

constexpr std::size_t kChunkSize = 4096;
// The kernel hands a pseudo-terminal's bytes over by a worker: what a program wrote last can arrive
// after its end is known.
constexpr std::chrono::milliseconds kSilence{20};
constexpr char kEndOfFileKey = 4;  // Control-D: VEOF of a fresh terminal.

bool is_transient(int code) {
    return code == EAGAIN || code == EINTR;
}

}  // namespace

TerminalRelay::TerminalRelay(sys::EventLoop& loop, UniqueFd master, int input, int output,
                             std::function<void()> on_end)
    : loop_(loop),
      master_(std::move(master)),
      input_{input},
      output_{output},
      on_end_(std::move(on_end)) {}

TerminalRelay::~TerminalRelay() {
    forget_all();
    loop_.cancel_timer(ending_);
}

void TerminalRelay::forget_all() {
    for (const int fd : {master_.get(), input_.fd, output_.fd}) loop_.forget(fd);
    for (const sys::TimerId timer : {silence_, input_.again, output_.again})
        loop_.cancel_timer(timer);
}

Result<void> TerminalRelay::start() {
    // Only the master: our own stdio is shared with the shell, whose reads must go on blocking.
    if (::fcntl(master_.get(), F_SETFL, O_NONBLOCK) != 0)
        return fail_errno("make the terminal's master non-blocking");
    SR_DO(loop_.watch(master_.get(), EPOLLIN, [this](std::uint32_t e) { on_master(e); }));
    SR_DO(watch(input_, EPOLLIN, &TerminalRelay::on_input));
    SR_DO(watch(output_, EPOLLOUT, &TerminalRelay::on_output));
    arrange();
    return {};
}

Result<void> TerminalRelay::watch(Side& side, std::uint32_t events,
                                  void (TerminalRelay::*on_ready)()) {
    auto watched =
        loop_.watch(side.fd, events, [this, on_ready](std::uint32_t) { (this->*on_ready)(); });
    if (watched || watched.error().code != EPERM) return watched;
    side.is_pollable = false;
    return {};
}

/// Calls `on_ready` when the side is ready for `events`; 0: not any more.
void TerminalRelay::await(Side& side, std::uint32_t events, void (TerminalRelay::*on_ready)()) {
    if (side.is_pollable) return (void)loop_.change(side.fd, events);  // It is watched.
    loop_.cancel_timer(side.again);
    if (events != 0)
        side.again = loop_.set_timer(loop_.now(), [this, on_ready] { (this->*on_ready)(); });
}

void TerminalRelay::on_output() {
    write_output();
    arrange();
}

void TerminalRelay::on_input() {
    std::array<char, kChunkSize> chunk{};
    const ssize_t size = ::read(input_.fd, chunk.data(), chunk.size());
    if (size < 0 && is_transient(errno)) return;
    if (size > 0) to_master_.append(chunk.data(), static_cast<std::size_t>(size));
    if (size <= 0) {
        input_.is_open = false;
        to_master_ += kEndOfFileKey;
    }
    write_master();
    arrange();
}

void TerminalRelay::on_master(std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) write_master();
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_master();
    arrange();
}

void TerminalRelay::read_master() {
    std::array<char, kChunkSize> chunk{};
    const ssize_t size = ::read(master_.get(), chunk.data(), chunk.size());
    if (size < 0 && is_transient(errno)) return;
    // EIO is how the last close of the other side shows. Source: pty(7).
    if (size <= 0) master_is_open_ = false;
    if (size > 0) to_output_.append(chunk.data(), static_cast<std::size_t>(size));
    if (is_finishing_ && size > 0) await_silence();
    write_output();
}

void TerminalRelay::write_master() {
    if (to_master_.empty()) return;
    const ssize_t size = ::write(master_.get(), to_master_.data(), to_master_.size());
    if (size > 0) to_master_.erase(0, static_cast<std::size_t>(size));
    if (size < 0 && !is_transient(errno)) to_master_.clear();  // Nobody reads it any more.
}

/// Writes once: a terminal whose user pressed Control-S blocks only when it has no room at all.
void TerminalRelay::write_output() {
    if (to_output_.empty()) return;
    const ssize_t size = ::write(output_.fd, to_output_.data(), to_output_.size());
    if (size > 0) to_output_.erase(0, static_cast<std::size_t>(size));
    if (size >= 0 || is_transient(errno)) return;
    output_.is_open = false;
    to_output_.clear();
}

void TerminalRelay::finish() {
    is_finishing_ = true;
    await_silence();
}

void TerminalRelay::await_silence() {
    loop_.cancel_timer(silence_);
    silence_ = loop_.set_timer(loop_.now() + kSilence, [this] {
        master_is_open_ = false;
        arrange();
    });
}

void TerminalRelay::end() {
    if (std::exchange(has_ended_, true)) return;
    forget_all();
    // Not from inside one of our own callbacks: whoever is told may destroy us.
    ending_ = loop_.set_timer(loop_.now(), on_end_);
}

/// Waits for what can go on now. Unchanged interest is cheap: epoll_ctl takes a microsecond.
void TerminalRelay::arrange() {
    if (has_ended_) return;
    if (!output_.is_open || (!master_is_open_ && to_output_.empty())) return end();
    const bool may_read_master = master_is_open_ && to_output_.empty();
    const std::uint32_t reading = may_read_master ? std::uint32_t{EPOLLIN} : 0;
    const std::uint32_t writing =
        to_master_.empty() || !master_is_open_ ? 0 : std::uint32_t{EPOLLOUT};
    (void)loop_.change(master_.get(), reading | writing);
    const bool may_read_input = input_.is_open && to_master_.empty() && master_is_open_;
    await(input_, may_read_input ? std::uint32_t{EPOLLIN} : 0, &TerminalRelay::on_input);
    await(output_, to_output_.empty() ? 0 : std::uint32_t{EPOLLOUT}, &TerminalRelay::on_output);
}

}  // namespace shardrun::cli
