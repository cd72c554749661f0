#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/run_plan.h"
#include "cli/terminal_relay.h"
#include "shardrun/client.h"
#include "sys/event_loop.h"
#include "sys/signal_fd.h"
#include "sys/terminal.h"

namespace shardrun::cli {

/// What became of a run.
struct RunOutcome {
    std::optional<ShardAssignment> shard;  ///< as it was when the program started
    std::optional<ProgramExit> exit;       ///< absent: it did not start, or we stopped waiting
    std::optional<Error> error;            ///< why not
    bool is_exec_failure = false;          ///< the error is the program's, not the shard's
    bool is_timed_out = false;
    int gave_up_by = 0;                          ///< a signal came before the program began
    std::chrono::microseconds time_to_start{0};  ///< from the request to the program
    std::optional<ShardStatus> status;           ///< soon after the start, if it was asked for
    std::string namespaces;                      ///< that the shard does not share with us

    /// The exit status of `shardrun run`.
    int exit_status() const;
};

/// One program run through a Client, on an event loop: hands over our stdio or relays a terminal,
/// forwards signals, stops and continues with the program. The same over a supervisor's socket and
/// over an embedded one's socketpair. Takes our signals while it lives.
class RunSession {
 public:
    RunSession(sys::EventLoop& loop, Client client, RunPlan plan);
    ~RunSession();
    RunSession(const RunSession&) = delete;
    RunSession& operator=(const RunSession&) = delete;

    /// Sends the request. Errors: EMFILE, those of the Client.
    Result<void> start();

    bool is_over() const { return state_ == State::over; }
    const RunOutcome& outcome() const { return outcome_; }

 private:
    enum class State : std::uint8_t { idle, requested, running, emptying, over };

    Result<void> send_request();
    Result<std::uint64_t> send(const Message& message);
    bool wants_terminal() const;
    void watch_client();

    void on_client();
    void on_frame(ReceivedFrame frame);
    void on_refused(std::uint64_t correlation, const Error& error);
    void on_assignment(ReceivedFrame& frame, const ShardAssignment& assignment);
    void on_started(ReceivedFrame& frame, const ShardAssignment& assignment);
    void on_exited(const ShardAssignment& assignment);
    void on_stopped();
    Result<void> start_relay(UniqueFd master);
    void look_closer(const ShardAssignment& assignment);

    void on_signals(sys::SignalFd& source);
    void on_signal(int signal_number);
    void pass_on_size();
    void keep_for_later(int signal_number);
    void stop_if_it_does_not();
    void forward(int signal_number);
    void on_timeout();
    void stop_ourselves();
    void fail_with(Error error, bool is_exec_failure = false);
    void end();

    sys::EventLoop& loop_;
    Client client_;
    RunPlan plan_;
    State state_ = State::idle;
    RunOutcome outcome_;
    MonoTime asked_at_;
    std::uint64_t session_request_ = 0;
    std::uint64_t run_request_ = 0;
    std::uint64_t status_request_ = 0;
    ShardId shard_{};
    ProgramId program_{};
    std::optional<sys::SignalFd> signals_;
    std::optional<sys::RawMode> raw_;  // Goes before the relay: nothing is written half raw.
    std::unique_ptr<TerminalRelay> relay_;
    std::vector<int> early_signals_;
    sys::TimerId timeout_{};
    sys::TimerId patience_{};
};

}  // namespace shardrun::cli
