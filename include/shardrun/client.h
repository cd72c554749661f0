#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shardrun/error.h"
#include "shardrun/export.h"
#include "shardrun/ids.h"
#include "shardrun/messages.h"
#include "shardrun/unique_fd.h"

namespace shardrun {

/// Where `shardrun serve` listens unless configured otherwise.
inline constexpr const char* kDefaultSocketPath = "/run/shardrun/shardrun.sock";

/// How long a blocking call may take.
using Timeout = std::chrono::milliseconds;
inline constexpr Timeout kNoTimeout = Timeout::max();

/// One frame from the manager with the descriptors that came with it.
struct SHARDRUN_EXPORT ReceivedFrame {
    Frame frame;
    std::vector<UniqueFd> fds;  ///< frame.fd_count of them, in order

    bool has(FrameFlag flag) const;
    bool is_reply() const { return has(FrameFlag::reply); }
    bool is_event() const { return has(FrameFlag::event); }
    bool is_error() const { return has(FrameFlag::error); }
    /// The body when it is a ShardAssignment, else null.
    const ShardAssignment* assignment() const;
    /// The Error that an error frame carries; none for every other frame.
    std::optional<Error> error() const;
    /// Takes the descriptor with this role out of a ShardAssignment; empty when none has it.
    UniqueFd take_fd(FdRole role);
};

/// A client of the supervisor: one connection. Not for several threads at once. Two ways to use it:
/// blocking calls (`open_session` and what follows it), or `send` and `try_receive` from an event
/// loop that watches `fd()`. No call raises SIGPIPE.
///
/// Errors of every call besides its own: EPIPE when the connection is over (then `is_open` is
/// false), ETIMEDOUT when the time is over (the connection goes on; a late reply is dropped),
/// EPROTO when the manager sent what the protocol does not allow (the connection is closed), and
/// whatever the manager answered.
class SHARDRUN_EXPORT Client {
 public:
    /// Errors: ENOENT or ECONNREFUSED when no supervisor listens there, EACCES.
    static Result<Client> connect(const std::string& path = kDefaultSocketPath);
    /// Speaks over a connected stream socket and owns it. Makes it non-blocking.
    static Result<Client> adopt(UniqueFd socket);

    ~Client();
    Client(Client&&) noexcept;
    Client& operator=(Client&&) noexcept;
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // ---- Without blocking. ----

    /// The socket, to be polled; it stays the Client's.
    int fd() const;
    bool is_open() const;
    /// True while queued frames wait: poll for POLLOUT too, and call `flush`.
    bool wants_write() const;

    /// Sends or queues one message and returns its correlation id. `fds` are borrowed (what has to
    /// wait is duplicated). Errors: EMSGSIZE, E2BIG with more than 8 descriptors.
    Result<std::uint64_t> send(const Message& message, std::span<const int> fds = {});
    /// Writes what is queued, as far as the socket takes it.
    Result<void> flush();
    /// The next frame that is there, in the order of arrival (those set aside by blocking calls
    /// first); none when there is no whole one yet. Call it until there is none.
    Result<std::optional<ReceivedFrame>> try_receive();

    // ---- Blocking. ----

    /// The next frame, whatever it is. Errors: ETIMEDOUT.
    Result<ReceivedFrame> receive(Timeout timeout = kNoTimeout);
    /// Sends a message and waits for its reply; an error reply becomes the Error. Events that
    /// arrive meanwhile are set aside for `next_event`, the latest 16384 of them.
    Result<ReceivedFrame> request(const Message& message, std::span<const int> fds = {},
                                  Timeout timeout = kNoTimeout);
    /// The reply to a message that was sent; the same as in `request`.
    Result<ReceivedFrame> await_reply(std::uint64_t correlation, Timeout timeout = kNoTimeout);
    /// The next event: of the request with this correlation id, or of any with 0. Others are set
    /// aside. An event may be an error frame: see `ReceivedFrame::error`.
    Result<ReceivedFrame> next_event(std::uint64_t correlation = 0, Timeout timeout = kNoTimeout);

    /// Names the profile of the session; the first call of a connection if it is made at all.
    Result<void> open_session(const std::string& profile, Timeout timeout = kNoTimeout);
    /// A shard that lives until `release` or until the connection ends.
    Result<ReceivedFrame> new_shard(const ShardOptions& options = {}, Timeout timeout = kNoTimeout);
    /// Starts a program and waits until it runs: the `started` frame. Its further events (stopped,
    /// continued, exited) carry the same correlation id. `stdio`: 3 descriptors, or none for
    /// /dev/null or a terminal.
    Result<ReceivedFrame> run(const ResourceRequest::Run& run, std::span<const int> stdio = {},
                              Timeout timeout = kNoTimeout);
    /// Starts a program and waits for its end. Errors: those of starting it, and ESRCH when its
    /// shard went away under it.
    Result<ProgramExit> run_program(const ResourceRequest::Run& run,
                                    std::span<const int> stdio = {}, Timeout timeout = kNoTimeout);
    /// A signal for one program, or, with program 0, for all of the shard.
    Result<void> signal(ShardId shard, ProgramId program, int signal_number,
                        Timeout timeout = kNoTimeout);
    /// Gives back one shard, or all of this client's.
    Result<void> release(std::optional<ShardId> shard, Timeout timeout = kNoTimeout);
    /// New limits for a living shard; what is absent stays. Returns those in force.
    Result<ShardAssignment> resize(ShardId shard, const ShardLimits& limits,
                                   Timeout timeout = kNoTimeout);
    /// Measured use of a shard, with the client's own report if it has one.
    Result<ShardStatus> status(const ShardStatus& report, Timeout timeout = kNoTimeout);
    /// The shards this client may see, or one of them.
    Result<std::vector<ShardAssignment>> list(std::optional<ShardId> shard = std::nullopt,
                                              Timeout timeout = kNoTimeout);
    /// Asks for lifecycle events from now on; returns the correlation id they carry.
    Result<std::uint64_t> subscribe(const ResourceRequest::Subscribe& what = {},
                                    Timeout timeout = kNoTimeout);
    /// Asks that a blob be in a shard; the answer is its outcome.
    Result<ReceivedFrame> access(const ResourceAccess& access, Timeout timeout = kNoTimeout);
    /// A blob by name: inline data or one descriptor.
    Result<ReceivedFrame> blob(const std::string& name, Timeout timeout = kNoTimeout);
    /// A hint that a file or a blob will be needed. Sent without waiting; what becomes of it may be
    /// seen by `receive`.
    Result<void> hint(const PrefetchRequest& hint);

 private:
    struct State;
    explicit Client(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace shardrun
