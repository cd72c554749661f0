#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "shard/zygote/protocol.h"
#include "shardrun/error.h"
#include "sys/unique_fd.h"

struct sock_filter;

namespace shardrun::shard {

/// The running zygote: starts it from a sealed memfd that holds its program, tells it the plan and
/// gives it orders. Ends with the object.
class ZygoteProcess {
 public:
    /// What a launch came to.
    struct Outcome {
        std::uint64_t sequence = 0;  ///< 0: of the plan
        pid_t pid = 0;
        sys::UniqueFd pidfd;
        zygote::Failure failure;
    };

    /// Starts the program and sends the plan; its outcome comes with sequence 0.
    static Result<ZygoteProcess> start(std::span<const std::byte> plan);

    ZygoteProcess(ZygoteProcess&& other) noexcept
        : control_(std::move(other.control_)), pid_(std::exchange(other.pid_, 0)) {}
    ZygoteProcess& operator=(ZygoteProcess&&) noexcept;
    ZygoteProcess(const ZygoteProcess&) = delete;
    ZygoteProcess& operator=(const ZygoteProcess&) = delete;
    ~ZygoteProcess();

    /// Lets it exit, without waiting for that; nothing more can be ordered.
    void dismiss() { control_.reset(); }

    /// To be polled for outcomes.
    int fd() const { return control_.get(); }

    /// A filter for later launches under `id`. Errors: EPIPE when the zygote is gone.
    Result<void> send_filter(std::uint32_t id, std::span<const sock_filter> program) const;

    /// `fds` as LaunchOrder says; they are the caller's to close afterwards. Errors: EAGAIN when
    /// the zygote is far behind, EPIPE.
    Result<void> launch(const zygote::LaunchOrder& order, std::span<const int> fds) const;

    /// What happened since; none: nothing. Errors: EPIPE when the zygote is gone.
    Result<std::optional<Outcome>> next_outcome() const;

 private:
    ZygoteProcess(sys::UniqueFd control, pid_t pid) : control_(std::move(control)), pid_(pid) {}
    void end();

    sys::UniqueFd control_;
    pid_t pid_ = 0;
};

}  // namespace shardrun::shard
