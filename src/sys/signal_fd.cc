#include "sys/signal_fd.h"

#include <sys/signalfd.h>

#include <cerrno>

#include "base/fail.h"

namespace shardrun::sys {

Result<SignalFd> SignalFd::create(std::initializer_list<int> signals) {
    sigset_t mask;
    sigset_t former;
    ::sigemptyset(&mask);
    for (const int signal : signals) ::sigaddset(&mask, signal);
    UniqueFd fd(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd) return fail_errno("open signal descriptor");
    if (const int code = ::pthread_sigmask(SIG_BLOCK, &mask, &former); code != 0)
        return fail(code, "block signals");
    return SignalFd(std::move(fd), former);
}

SignalFd::~SignalFd() {
    if (fd_) (void)::pthread_sigmask(SIG_SETMASK, &former_mask_, nullptr);  // Cannot fail.
}

std::optional<int> SignalFd::read() {
    signalfd_siginfo info{};
    const ssize_t size = ::read(fd_.get(), &info, sizeof info);
    if (size != static_cast<ssize_t>(sizeof info)) return std::nullopt;
    return static_cast<int>(info.ssi_signo);
}

}  // namespace shardrun::sys
