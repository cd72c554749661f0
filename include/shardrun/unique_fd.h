#pragma once

#include <unistd.h>

#include <utility>

namespace shardrun {

/// Owns one descriptor and closes it. Empty is -1.
class UniqueFd {
 public:
    UniqueFd() noexcept = default;
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        reset(other.release());  // Closes what we held; taking over the number alone would leak it.
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { reset(); }

    /// The descriptor, still owned here.
    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }

    /// Gives the descriptor to the caller.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

    /// Closes what is held and owns `fd` from now on.
    void reset(int fd = -1) noexcept {
        const int old = std::exchange(fd_, fd);
        // Linux frees the number even when close reports an error; there is nothing to repeat.
        if (old >= 0) (void)::close(old);
    }

 private:
    int fd_ = -1;
};

}  // namespace shardrun
