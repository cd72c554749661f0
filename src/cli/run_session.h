#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/file_log.h"
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
    FileLog files;                               ///< of its image that were opened
    std::uint64_t prefetched = 0;                ///< answers to prefetches, failed ones too
    std::uint64_t prefetch_failed = 0;
    std::string prefetch_failure;                ///< the first one
    std::chrono::microseconds prefetch_time{0};  ///< from the first wish to the last answer
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
    /// Whose shards the supervisor may tell of: ours alone, or also others of the same user.
    enum class Company : std::uint8_t { alone, others };
    RunSession(sys::EventLoop& loop, Client client, RunPlan plan,
               Company company = Company::others);
    ~RunSession();
    RunSession(const RunSession&) = delete;
    RunSession& operator=(const RunSession&) = delete;

    /// Sends the request. Errors: EMFILE, those of the Client.
    Result<void> start();

    bool is_over() const { return state_ == State::over; }
    const RunOutcome& outcome() const { return outcome_; }

 private:
    /// `preparing`: the shard is made first, and filled. `draining`: what is still to be told of
    /// it.
    enum class State : std::uint8_t {
        idle,
        preparing,
        requested,
        running,
        emptying,
        draining,
        over
    };

    Result<void> send_request();
    Result<void> ask_for_shard();
    Result<void> send_run();
    Result<void> send_prefetches();
    void on_shard(const ShardAssignment& assignment);
    void on_file(const PrefetchResponse& file);
    void on_prefetched(const PrefetchResponse& file);
    void finish();
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
    MonoTime run_at_;
    std::uint64_t session_request_ = 0;
    std::uint64_t run_request_ = 0;
    std::uint64_t status_request_ = 0;
    std::uint64_t files_request_ = 0;  // The subscription that tells of files.
    std::uint64_t shard_request_ = 0;
    std::uint64_t last_request_ = 0;
    std::set<std::uint64_t> prefetches_;  // Without an answer yet.
    Company company_;
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
