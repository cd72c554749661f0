#pragma once

#include <linux/filter.h>
#include <sched.h>
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

namespace shardrun::shard {

/// Processors for the supervisor and for a zygote that is just starting.
struct Placement {
    cpu_set_t allowed{};    ///< what the supervisor may use, and in the end the zygote
    cpu_set_t here{};       ///< the supervisor's
    cpu_set_t elsewhere{};  ///< all others it may use
    bool is_apart = false;  ///< there are others
};

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

    /// Starts the program. It waits for its plan, and bears nothing without one.
    /// In great haste it begins on another processor than the caller's; what both may use is
    /// written down for good then, and later changes of a cpuset do not widen it.
    enum class Haste { none, great };
    static Result<ZygoteProcess> start(Haste haste);

    ZygoteProcess(ZygoteProcess&& other) noexcept
        : control_(std::move(other.control_)),
          pid_(std::exchange(other.pid_, 0)),
          place_(other.place_) {}
    ZygoteProcess& operator=(ZygoteProcess&&) noexcept;
    ZygoteProcess(const ZygoteProcess&) = delete;
    ZygoteProcess& operator=(const ZygoteProcess&) = delete;
    ~ZygoteProcess();

    /// Lets it exit, without waiting for that; nothing more can be ordered.
    void dismiss() { control_.reset(); }

    /// To be polled for outcomes.
    int fd() const { return control_.get(); }

    /// What the root of the shards holds (plan_skeleton); the outcome comes with sequence 0.
    Result<void> send_plan(std::span<const std::byte> plan) const;

    /// The next shard finds its network namespace made already. To be sent before all else, to have
    /// it made beside all else.
    Result<void> make_network_ahead() const;

    /// A filter for later launches under `id`. Errors: EPIPE when the zygote is gone.
    Result<void> send_filter(std::uint32_t id, std::span<const sock_filter> program) const;

    /// `fds` as LaunchOrder says; they are the caller's to close afterwards. Errors: EAGAIN when
    /// the zygote is far behind, EPIPE.
    Result<void> launch(const zygote::LaunchOrder& order, std::span<const int> fds) const;

    /// What happened since; none: nothing. Errors: EPIPE when the zygote is gone.
    Result<std::optional<Outcome>> next_outcome() const;

 private:
    ZygoteProcess(sys::UniqueFd control, pid_t pid, const Placement& place)
        : control_(std::move(control)), pid_(pid), place_(place) {}
    void end();

    sys::UniqueFd control_;
    pid_t pid_ = 0;
    Placement place_;  ///< in force until it has its plan
};

}  // namespace shardrun::shard
