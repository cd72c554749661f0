#include "cli/run_session.h"

#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/fail.h"
#include "cli/exit_status.h"
#include "sys/namespaces.h"

namespace shardrun::cli {
namespace {

// After the time is over, so long between asking the program to end and killing it.
constexpr std::chrono::seconds kGrace{2};
// A signal to a program that has not started, as far as we know, ends the wait after so long.
constexpr std::chrono::seconds kPatience{1};
constexpr std::chrono::milliseconds kStopTime{50};

/// How the supervisor's sentence begins when everything was there but the program.
bool is_about_execution(const Error& error) {
    return error.message.starts_with("execute ");
}

/// What a program learns of its terminal; the rest of our environment stays here.
void add_terminal_type(std::vector<std::string>& environment) {
    const char* type = ::secure_getenv("TERM");
    for (const std::string& entry : environment)
        if (entry.starts_with("TERM=")) return;
    environment.push_back(std::string("TERM=") + (type == nullptr ? "dumb" : type));
}

}  // namespace

int RunOutcome::exit_status() const {
    if (is_timed_out) return kTimedOutStatus;
    if (gave_up_by != 0) return 128 + gave_up_by;
    if (exit) return exit_status_of(*exit);
    return error ? exit_status_of(*error, is_exec_failure) : kOwnFailureStatus;
}

RunSession::RunSession(sys::EventLoop& loop, Client client, RunPlan plan, Company company)
    : loop_(loop), client_(std::move(client)), plan_(std::move(plan)), company_(company) {}

RunSession::~RunSession() {
    end();
}

bool RunSession::wants_terminal() const {
    if (plan_.tty != TtyMode::automatic) return plan_.tty == TtyMode::always;
    return sys::is_terminal(STDIN_FILENO) && sys::is_terminal(STDOUT_FILENO);
}

Result<void> RunSession::start() {
    SR_TRY(sys::SignalFd signals, sys::SignalFd::create({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1,
                                                         SIGUSR2, SIGTSTP, SIGCONT, SIGWINCH}));
    sys::SignalFd& source = signals_.emplace(std::move(signals));
    SR_DO(
        loop_.watch(source.fd(), EPOLLIN, [this, &source](std::uint32_t) { on_signals(source); }));
    SR_DO(loop_.watch(client_.fd(), EPOLLIN, [this](std::uint32_t) { on_client(); }));
    if (plan_.timeout)
        timeout_ = loop_.set_timer(loop_.now() + *plan_.timeout, [this] { on_timeout(); });
    return send_request();
}

Result<void> RunSession::send_request() {
    if (plan_.profile != "default") {
        SR_TRY(session_request_, send(ResourceRequest{ResourceRequest::Session{plan_.profile}}));
    }
    // Also of a run that nobody asks a report of: a program that is refused a file cannot say why.
    if (plan_.run.options.image) {
        const ResourceRequest::Subscribe files{.lifecycle = false, .prefetch = true};
        SR_TRY(files_request_, send(ResourceRequest{files}));
    }
    return plan_.prefetch.empty() ? send_run() : ask_for_shard();
}

Result<void> RunSession::ask_for_shard() {
    state_ = State::preparing;
    SR_TRY(shard_request_, send(ResourceRequest{ResourceRequest::NewShard{plan_.run.options}}));
    return {};
}

/// The shard is there and empty: what it will need comes in while the program starts, or before.
void RunSession::on_shard(const ShardAssignment& assignment) {
    if (state_ != State::preparing || assignment.kind != AssignmentKind::assigned) return;
    shard_ = assignment.shard;
    plan_.run.shard = assignment.shard;
    plan_.run.options = {};
    outcome_.shard = assignment;
    if (const auto sent = send_prefetches(); !sent) return fail_with(sent.error());
    if (plan_.prefetch_wait) return;
    if (const auto sent = send_run(); !sent) fail_with(sent.error());
}

Result<void> RunSession::send_prefetches() {
    run_at_ = loop_.now();
    for (std::string& path : plan_.prefetch) {
        PrefetchRequest wish;
        wish.shard = shard_;
        wish.name = std::move(path);
        SR_TRY(const std::uint64_t request, client_.send(wish));
        prefetches_.insert(request);
    }
    plan_.prefetch.clear();
    watch_client();
    return {};
}

Result<void> RunSession::send_run() {
    ResourceRequest::Run run = plan_.run;
    std::vector<int> stdio{STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    if (wants_terminal()) {
        run.program.terminal = sys::window_size(STDIN_FILENO);
        add_terminal_type(run.program.env);
        stdio.clear();
    }
    run_at_ = loop_.now();
    SR_TRY(run_request_, client_.send(ResourceRequest{std::move(run)}, stdio));
    state_ = State::requested;
    watch_client();
    return {};
}

Result<std::uint64_t> RunSession::send(const Message& message) {
    auto sent = client_.send(message);
    watch_client();
    return sent;
}

void RunSession::watch_client() {
    if (client_.is_open())
        (void)loop_.change(client_.fd(), client_.wants_write() ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void RunSession::on_client() {
    // What could not be written because nobody reads any more shows in try_receive as well.
    (void)client_.flush();
    while (!is_over()) {
        auto received = client_.try_receive();
        if (!received) return fail_with(received.error());
        std::optional<ReceivedFrame> frame = *std::move(received);
        if (!frame) break;
        on_frame(*std::move(frame));
    }
    if (!is_over()) watch_client();
}

void RunSession::on_frame(ReceivedFrame frame) {
    const std::uint64_t correlation = frame.frame.correlation;
    const bool was_prefetch = prefetches_.erase(correlation) != 0;
    if (state_ == State::draining && correlation == last_request_) return end();
    if (const auto error = frame.error()) return on_refused(correlation, *error);
    if (const auto* file = std::get_if<PrefetchResponse>(&frame.frame.message)) {
        if (was_prefetch) return on_prefetched(*file);
        if (correlation == files_request_) return on_file(*file);
    }
    if (correlation == status_request_ && status_request_ != 0) {
        if (const auto* status = std::get_if<ShardStatus>(&frame.frame.message))
            outcome_.status = *status;
        return;
    }
    const ShardAssignment* const assignment = frame.assignment();
    if (assignment == nullptr) return;
    if (correlation == run_request_) return on_assignment(frame, *assignment);
    if (correlation == shard_request_) on_shard(*assignment);
}

void RunSession::on_file(const PrefetchResponse& file) {
    outcome_.files.add(std::chrono::duration_cast<std::chrono::microseconds>(loop_.now() - run_at_),
                       file);
}

/// One that failed is loaded, or refused, when it is opened.
void RunSession::on_prefetched(const PrefetchResponse& file) {
    ++outcome_.prefetched;
    if (file.outcome == BlobOutcome::failed && ++outcome_.prefetch_failed == 1)
        outcome_.prefetch_failure = file.reason.value_or("no reason given");
    outcome_.prefetch_time =
        std::chrono::duration_cast<std::chrono::microseconds>(loop_.now() - run_at_);
    if (state_ != State::preparing || !prefetches_.empty()) return;
    if (const auto sent = send_run(); !sent) fail_with(sent.error());
}

void RunSession::on_refused(std::uint64_t correlation, const Error& error) {
    if (correlation == run_request_) return fail_with(error, is_about_execution(error));
    const bool is_needed = correlation == session_request_ || correlation == shard_request_;
    if (is_needed || correlation == 0) return fail_with(error);
    // A signal for a program that has just ended, or a measurement that came too late.
}

void RunSession::on_assignment(ReceivedFrame& frame, const ShardAssignment& assignment) {
    switch (assignment.kind) {
        case AssignmentKind::started:
            return on_started(frame, assignment);
        case AssignmentKind::exited:
            return on_exited(assignment);
        case AssignmentKind::stopped:
            return on_stopped();
        case AssignmentKind::failed:
        case AssignmentKind::reclaimed:
            if (state_ != State::requested && state_ != State::running) return;
            return fail_with(Error{
                ESRCH, "the shard went away: " + assignment.reason.value_or("no reason given")});
        case AssignmentKind::session:
        case AssignmentKind::assigned:
        case AssignmentKind::resized:
        case AssignmentKind::split:
        case AssignmentKind::merged:
        case AssignmentKind::draining:
        case AssignmentKind::listed:
        case AssignmentKind::done:
        case AssignmentKind::continued:
            return;
    }
}

void RunSession::on_started(ReceivedFrame& frame, const ShardAssignment& assignment) {
    if (state_ != State::requested) return;
    state_ = State::running;
    outcome_.time_to_start =
        std::chrono::duration_cast<std::chrono::microseconds>(loop_.now() - run_at_);
    // A shard that was asked for by itself was described then.
    if (!outcome_.shard) outcome_.shard = assignment;
    shard_ = assignment.shard;
    program_ = assignment.program;
    if (plan_.wants_report || plan_.info_path) look_closer(assignment);
    for (const int early : std::exchange(early_signals_, {})) on_signal(early);
    UniqueFd master = frame.take_fd(FdRole::terminal);
    if (!master) return;
    if (auto started = start_relay(std::move(master)); !started) fail_with(started.error());
}

/// What the shard is beyond what the supervisor tells: gone when the program is.
void RunSession::look_closer(const ShardAssignment& assignment) {
    if (const auto init = assignment.init_pid)
        outcome_.namespaces = sys::own_namespaces(static_cast<pid_t>(*init));
    ShardStatus question;
    question.shard = assignment.shard;
    if (const auto sent = send(question)) status_request_ = *sent;
}

Result<void> RunSession::start_relay(UniqueFd master) {
    if (sys::is_terminal(STDIN_FILENO)) {
        SR_TRY(sys::RawMode raw, sys::RawMode::enter(STDIN_FILENO));
        raw_.emplace(std::move(raw));
    }
    (void)::signal(SIGPIPE, SIG_IGN);  // A closed output ends the relay instead.
    relay_ = std::make_unique<TerminalRelay>(loop_, std::move(master), STDIN_FILENO, STDOUT_FILENO,
                                             [this] {
                                                 if (state_ == State::emptying) finish();
                                             });
    return relay_->start();
}

void RunSession::on_exited(const ShardAssignment& assignment) {
    if (state_ != State::running || assignment.program != program_) return;
    outcome_.exit = assignment.exit.value_or(ProgramExit{});
    if (!relay_ || relay_->has_ended()) return finish();
    state_ = State::emptying;
    relay_->finish();
}

/// What was opened last is told by the time of a further answer.
void RunSession::finish() {
    if (files_request_ == 0) return end();
    state_ = State::draining;
    const auto sent = send(ResourceRequest{ResourceRequest::List{shard_}});
    if (!sent) return end();
    last_request_ = *sent;
}

void RunSession::on_stopped() {
    loop_.cancel_timer(patience_);
    if (state_ == State::running) stop_ourselves();
}

/// The shell that waits for us sees a stopped job; `fg` brings SIGCONT, which goes on from there.
void RunSession::stop_ourselves() {
    if (raw_) raw_->suspend();
    (void)::kill(::getpid(), SIGSTOP);
}

void RunSession::on_signals(sys::SignalFd& source) {
    while (!is_over()) {
        const auto signal_number = source.read();
        if (!signal_number) return;
        on_signal(*signal_number);
    }
}

void RunSession::on_signal(int signal_number) {
    if (signal_number == SIGWINCH) return pass_on_size();
    if (signal_number == SIGCONT && raw_) raw_->resume();
    if (state_ == State::requested) return keep_for_later(signal_number);
    if (state_ != State::running) return;
    forward(signal_number);
    if (signal_number == SIGTSTP) stop_if_it_does_not();
}

void RunSession::pass_on_size() {
    if (relay_) (void)sys::set_window_size(relay_->master(), sys::window_size(STDIN_FILENO));
}

/// The program may run already, only we do not know yet; so it gets the signal as soon as we do.
/// If that takes long there is no program, and the signal is ours.
void RunSession::keep_for_later(int signal_number) {
    early_signals_.push_back(signal_number);
    if (signal_number == SIGTSTP || signal_number == SIGCONT) return;
    loop_.cancel_timer(patience_);
    patience_ = loop_.set_timer(loop_.now() + kPatience, [this, signal_number] {
        if (state_ != State::requested) return;
        outcome_.gave_up_by = signal_number;
        end();
    });
}

/// The kernel drops SIGTSTP's default action for a process group without a shell above it, and the
/// program leads one; who handles the signal stops by itself.
void RunSession::stop_if_it_does_not() {
    loop_.cancel_timer(patience_);
    patience_ = loop_.set_timer(loop_.now() + kStopTime, [this] {
        if (state_ == State::running) forward(SIGSTOP);
    });
}

void RunSession::forward(int signal_number) {
    const ResourceRequest::Signal signal{shard_, program_,
                                         static_cast<std::uint32_t>(signal_number)};
    if (const auto sent = send(ResourceRequest{signal}); !sent) fail_with(sent.error());
}

/// First it is asked to end, then it is made to.
void RunSession::on_timeout() {
    if (state_ != State::running) {
        outcome_.is_timed_out = true;
        return end();
    }
    if (outcome_.is_timed_out) return forward(SIGKILL);
    outcome_.is_timed_out = true;
    forward(SIGTERM);
    forward(SIGCONT);  // A stopped program could not obey.
    timeout_ = loop_.set_timer(loop_.now() + kGrace, [this] { on_timeout(); });
}

void RunSession::fail_with(Error error, bool is_exec_failure) {
    if (is_over()) return;
    // The connection may end right after the program did: then there is nothing to complain of.
    if (!outcome_.exit) {
        outcome_.error = std::move(error);
        outcome_.is_exec_failure = is_exec_failure;
    }
    // The program's own file may be what could not be loaded.
    if (is_exec_failure) return finish();
    end();
}

void RunSession::end() {
    if (std::exchange(state_, State::over) == State::over) return;
    // Whoever was refused does not know which shard was theirs.
    if (company_ == Company::others) outcome_.files.keep_only(shard_);
    loop_.cancel_timer(timeout_);
    loop_.cancel_timer(patience_);
    if (signals_) loop_.forget(signals_->fd());
    loop_.forget(client_.fd());
    relay_.reset();
    raw_.reset();
}

}  // namespace shardrun::cli
