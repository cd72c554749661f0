#pragma once

#include <signal.h>

#include <initializer_list>
#include <optional>

#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::sys {

/// Signals as something to read. Blocks them for the calling thread, so that they arrive nowhere
/// else, and puts the former mask back when it is destroyed. Source: signalfd(2).
class SignalFd {
 public:
    /// Errors: EMFILE.
    static Result<SignalFd> create(std::initializer_list<int> signals);

    SignalFd(SignalFd&& other) noexcept = default;
    SignalFd& operator=(SignalFd&& other) = delete;
    SignalFd(const SignalFd&) = delete;
    SignalFd& operator=(const SignalFd&) = delete;
    ~SignalFd();

    /// To be watched for EPOLLIN.
    int fd() const { return fd_.get(); }

    /// The next signal that has arrived; none when there is none.
    std::optional<int> read();

 private:
    SignalFd(UniqueFd fd, const sigset_t& former_mask)
        : fd_(std::move(fd)), former_mask_(former_mask) {}

    UniqueFd fd_;
    sigset_t former_mask_;
};

}  // namespace shardrun::sys
