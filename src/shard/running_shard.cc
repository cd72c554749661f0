#include "shard/running_shard.h"

#include <fcntl.h>

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/fail.h"
#include "base/log.h"
#include "shard/failure_text.h"
#include "shard/host_pid.h"
#include "shard/limits_text.h"
#include "shard/runner_link.h"
#include "shard/status.h"
#include "sys/seqpacket.h"

namespace shardrun::shard {

using zygote::InitMessage;
using zygote::InitReport;

namespace {

constexpr unsigned kMessagesPerRound = 32;
constexpr std::int32_t kNeverBorn = -1;  ///< a pid that was told, though of no process

}  // namespace

RunningShard::RunningShard(ShardContext context, ShardSpec spec, sys::CgroupDir cgroup,
                           std::string cgroup_path, std::uint32_t unenforced, MonoTime asked)
    : context_(context),
      spec_(std::move(spec)),
      cgroup_(std::move(cgroup)),
      cgroup_path_(std::move(cgroup_path)),
      unenforced_(unenforced),
      asked_(asked) {}

RunningShard::~RunningShard() {
    for (const RunnerPtr& runner : runners_) context_.loop.forget(runner->launch.get());
    context_.loop.forget(control_.get());
    context_.loop.forget(pidfd_.get());
}

Result<void> RunningShard::connect(sys::UniqueFd control, sys::UniqueFd first_launch) {
    control_ = std::move(control);
    SR_TRY([[maybe_unused]] Runner * first, add_runner(std::move(first_launch)));
    return {};
}

Result<void> RunningShard::on_born(pid_t pid, sys::UniqueFd pidfd, std::function<void()> on_end) {
    init_pid_ = pid;
    pidfd_ = std::move(pidfd);
    state_ = State::setting_up;
    // What init says before its birth is known waits in the socket: a shard that were ready without
    // a pidfd would have an end that nobody sees.
    if (control_)
        SR_DO(
            context_.loop.watch(control_.get(), EPOLLIN, [this](std::uint32_t) { on_control(); }));
    return context_.loop.watch(pidfd_.get(), EPOLLIN,
                               [on_end = std::move(on_end)](std::uint32_t) { on_end(); });
}

Result<RunningShard::Runner*> RunningShard::add_runner(sys::UniqueFd launch) {
    RunnerPtr runner = std::make_unique<Runner>();
    Runner* raw = runner.get();
    runner->launch = std::move(launch);
    SR_DO(context_.loop.watch(raw->launch.get(), EPOLLIN,
                              [this, raw](std::uint32_t) { on_launch(*raw); }));
    runners_.push_back(std::move(runner));
    return raw;
}

Result<RunningShard::Runner*> RunningShard::park_another() {
    SR_TRY(sys::PacketPair pair, sys::make_packet_pair());
    const zygote::SpareOrder order;
    const std::array<std::span<const std::byte>, 1> parts{sys::bytes_of(order)};
    const std::array<int, 1> fds{pair.peer.get()};
    SR_DO(while_doing(sys::send_packet(control_.get(), parts, fds),
                      "ask the shard's init for a process"));
    return add_runner(std::move(pair.own));
}

RunningShard::Runner* RunningShard::find(std::int32_t pid) {
    const auto at =
        std::ranges::find_if(runners_, [&](const RunnerPtr& runner) { return runner->pid == pid; });
    return at == runners_.end() ? nullptr : at->get();
}

void RunningShard::remove(const Runner* runner) {
    context_.loop.forget(runner->launch.get());
    std::erase_if(runners_, [&](const RunnerPtr& entry) { return entry.get() == runner; });
}

Result<void> RunningShard::run(const ProgramSpec& program) {
    std::vector<sys::UniqueFd> stdio;
    std::vector<int> numbers;
    numbers.reserve(program.stdio.size());
    for (const FdToken token : program.stdio)
        numbers.push_back(stdio.emplace_back(context_.fds.take(token)).get());
    if (state_ == State::ended || is_killed_)
        return fail(ESRCH, "run '{}' in a shard that has ended", program.argv[0]);
    const auto parked = std::ranges::find_if(runners_, [](const RunnerPtr& runner) {
        return !runner->program && !runner->has_executed;
    });
    Runner* runner = parked == runners_.end() ? nullptr : parked->get();
    if (runner == nullptr) {
        SR_TRY(runner, park_another());
    }
    SR_DO(send_program(runner->launch.get(), program, numbers));
    runner->program = program.id;
    runner->wants_pidfd = program.wants_pidfd;
    return {};
}

void RunningShard::signal(ProgramId program, int signal_number) {
    for (const RunnerPtr& runner : runners_) {
        if (!runner->program || !runner->is_reported) continue;
        if (program != ProgramId{} && runner->program != program) continue;
        const zygote::SignalOrder order{zygote::InitOrder::signal, runner->pid, signal_number};
        const std::array<std::span<const std::byte>, 1> parts{sys::bytes_of(order)};
        const Result<void> sent = sys::send_packet(control_.get(), parts);
        if (!sent) log(LogLevel::warning, "signal a program: {}, ignoring", sent.error().message);
    }
}

Result<void> RunningShard::apply_limits(const ShardLimits& limits,
                                        std::uint32_t missing_controllers) {
    for (const AttributeWrite& write : plan_limit_writes(spec_.limits, limits)) {
        if ((missing_controllers & std::to_underlying(write.controller)) != 0) continue;
        SR_DO(cgroup_.write(write.attribute, write.value));
    }
    const auto take_over = [](auto& current, const auto& wanted) {
        if (wanted) current = wanted;
    };
    take_over(spec_.limits.cpu_max_millicores, limits.cpu_max_millicores);
    take_over(spec_.limits.cpu_weight, limits.cpu_weight);
    take_over(spec_.limits.cpuset_cpus, limits.cpuset_cpus);
    take_over(spec_.limits.memory_high_bytes, limits.memory_high_bytes);
    take_over(spec_.limits.memory_max_bytes, limits.memory_max_bytes);
    take_over(spec_.limits.memory_swap_max_bytes, limits.memory_swap_max_bytes);
    take_over(spec_.limits.pids_max, limits.pids_max);
    take_over(spec_.limits.io_weight, limits.io_weight);
    take_over(spec_.limits.files_max, limits.files_max);
    if (!limits.io_max.empty()) spec_.limits.io_max = limits.io_max;
    return {};
}

ShardStatus RunningShard::status() const {
    ShardStatus status = measure(cgroup_, init_pid_, tmpfs_.get());
    status.shard = spec_.id;
    status.limits = spec_.limits;
    return status;
}

Result<sys::UniqueFd> RunningShard::open_blobs() const {
    if (!tmpfs_) return refuse(EAGAIN, "the shard is not ready");
    sys::UniqueFd folder(
        ::openat(tmpfs_.get(), "blobs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder) return fail_errno("open the shard's /blobs");
    return folder;
}

void RunningShard::kill() {
    is_killed_ = true;
    // Without the sockets nobody hears of its programs any more, and init would end by itself.
    for (const RunnerPtr& runner : runners_) context_.loop.forget(runner->launch.get());
    context_.loop.forget(control_.get());
    control_.reset();
    runners_.clear();
    const Result<void> killed = cgroup_.kill();
    if (!killed) log(LogLevel::warning, "kill a shard: {}, ignoring", killed.error().message);
}

/// A bounded number of messages at a time: a program that is stopped and continued without end
/// must not keep the loop from everybody else.
void RunningShard::on_control() {
    for (unsigned i = 0; i < kMessagesPerRound && take_message();) ++i;
}

/// False: there is none for now.
bool RunningShard::take_message() {
    if (!control_) return false;
    Result<sys::Packet> packet = sys::receive_packet(control_.get(), sizeof(InitMessage));
    if (packet && packet->is_empty) return false;
    const InitMessage* message = packet ? sys::as_value<InitMessage>(*packet) : nullptr;
    if (message == nullptr) {
        // The end of init's socket comes before its death, which the pidfd will tell.
        context_.loop.forget(control_.get());
        return false;
    }
    on_init_message(*message, std::move(packet->fds));
    return true;
}

void RunningShard::on_init_message(const InitMessage& message, std::vector<sys::UniqueFd> fds) {
    switch (message.report) {
        case InitReport::ready:
            return on_ready(message, std::move(fds));
        case InitReport::failed:
            has_failed_ = true;
            return context_.listener.on_failed(spec_.id, describe_failure(message.failure));
        case InitReport::spare:
            return on_spare(message);
        case InitReport::exited:
        case InitReport::stopped:
        case InitReport::continued:
            return on_program_change(message);
    }
}

void RunningShard::on_ready(const InitMessage& message, std::vector<sys::UniqueFd> fds) {
    state_ = State::ready;
    if (!fds.empty()) tmpfs_ = std::move(fds.front());
    const auto elapsed =
        std::chrono::duration_cast<std::chrono::microseconds>(context_.loop.now() - asked_);
    context_.listener.on_prepared(spec_.id, {init_pid_, cgroup_path_, unenforced_, elapsed});
    if (runners_.empty()) return;
    Runner& first = *runners_.front();
    first.pid = message.pid;
    if (first.has_executed) report_start(first);
}

/// Spares are told in the order they were asked for, so this is the first one without a pid.
void RunningShard::on_spare(const InitMessage& message) {
    const auto at =
        std::ranges::find_if(runners_, [](const RunnerPtr& runner) { return runner->pid == 0; });
    if (at == runners_.end()) return;
    Runner& runner = **at;
    if (message.failure.step != zygote::Step::none) {
        runner.pid = kNeverBorn;
        return report_failure(runner, describe_failure(message.failure));
    }
    runner.pid = message.pid;
    if (runner.has_executed) report_start(runner);
}

void RunningShard::on_program_change(const InitMessage& message) {
    Runner* runner = find(message.pid);
    if (runner == nullptr) return;
    if (message.report == InitReport::exited) return on_program_end(*runner, message);
    if (!runner->program || !runner->is_reported) return;
    if (message.report == InitReport::stopped)
        context_.listener.on_stopped(spec_.id, *runner->program, message.wait_status);
    else
        context_.listener.on_continued(spec_.id, *runner->program);
}

void RunningShard::on_program_end(Runner& runner, const InitMessage& message) {
    // Its last words may still wait in the launch socket: they came first.
    const std::int32_t pid = runner.pid;
    if (!runner.has_executed) on_launch(runner);
    Runner* still = find(pid);
    if (still == nullptr) return;  // It never executed, and that was told.
    // Without such a word it executed: its end of the socket is open only as long as the zygote, or
    // init, has not come round to closing the copy that it was made from.
    if (!still->has_executed) on_executed(*still);
    const std::optional<ProgramId> program = still->program;
    remove(still);
    if (!program) return;
    ProgramExit exit;
    const bool was_killed = message.wait_code != CLD_EXITED;
    (was_killed ? exit.signal_number : exit.status) =
        static_cast<std::uint8_t>(message.wait_status);
    exit.user_cpu_us = message.user_cpu_us;
    exit.system_cpu_us = message.system_cpu_us;
    exit.memory_peak_bytes = message.memory_peak_kib * 1024;
    exit.out_of_memory = was_killed && message.wait_status == SIGKILL && was_out_of_memory();
    context_.listener.on_exited(spec_.id, *program, exit);
}

void RunningShard::on_launch(Runner& runner) {
    for (;;) {
        RunnerNews news = read_runner_news(runner.launch.get());
        switch (news.kind) {
            case RunnerNews::Kind::nothing:
                return;
            case RunnerNews::Kind::terminal:
                runner.terminal = std::move(news.terminal);
                continue;
            case RunnerNews::Kind::failed:
                return report_failure(
                    runner, news.error.value_or(Error{EIO, "the program could not be started"}));
            case RunnerNews::Kind::executed:
                return on_executed(runner);
        }
    }
}

void RunningShard::on_executed(Runner& runner) {
    context_.loop.forget(runner.launch.get());
    runner.launch.reset();
    runner.has_executed = true;
    // Until its pid is told it cannot be signalled, and its shard may yet turn out not to be.
    if (runner.pid != 0) report_start(runner);
}

void RunningShard::report_start(Runner& runner) {
    if (!runner.program || runner.is_reported) return;
    runner.is_reported = true;
    Started started;
    started.pid = runner.pid;
    if (runner.terminal) started.terminal = context_.fds.insert(std::move(*runner.terminal));
    if (runner.wants_pidfd) {
        Result<sys::UniqueFd> pidfd = open_inner_pidfd(pidfd_.get(), init_pid_, runner.pid);
        if (pidfd) started.pidfd = context_.fds.insert(std::move(*pidfd));
    }
    runner.terminal.reset();
    context_.listener.on_started(spec_.id, *runner.program, started);
    const bool has_spare = std::ranges::any_of(
        runners_, [](const RunnerPtr& other) { return !other->program && !other->has_executed; });
    if (!spec_.keeps_spare || has_spare || is_killed_) return;
    const Result<Runner*> spare = park_another();
    if (!spare) log(LogLevel::debug, "{}: the next program starts slower", spare.error().message);
}

void RunningShard::report_failure(Runner& runner, const Error& error) {
    const std::optional<ProgramId> program = std::exchange(runner.program, std::nullopt);
    if (runner.pid != 0) {
        remove(&runner);
    } else {
        // Its pid is still to be told, and must not be taken for that of the next one.
        context_.loop.forget(runner.launch.get());
        runner.launch.reset();
        runner.has_executed = true;
    }
    if (program) context_.listener.on_program_failed(spec_.id, *program, error);
}

bool RunningShard::was_out_of_memory() {
    const std::uint64_t kills = count_oom_kills(cgroup_);
    return std::exchange(oom_kills_seen_, kills) < kills;
}

/// A program whose init is gone: it was killed with it.
void RunningShard::abandon(Runner& runner) {
    if (!runner.program) return;
    const ProgramId program = *runner.program;
    const bool has_started = runner.has_executed && runner.pid != 0;
    if (!has_started)
        return context_.listener.on_program_failed(
            spec_.id, program, {ECONNRESET, "the shard ended before the program began"});
    report_start(runner);
    ProgramExit exit;
    exit.signal_number = SIGKILL;
    exit.out_of_memory = oom_kills_seen_ > 0;
    context_.listener.on_exited(spec_.id, program, exit);
}

void RunningShard::conclude() {
    while (!is_killed_ && take_message()) continue;  // All of its last words.
    state_ = State::ended;
    context_.loop.forget(pidfd_.get());
    if (is_killed_) return;
    const bool was_ready = static_cast<bool>(tmpfs_);
    const bool out_of_memory = count_oom_kills(cgroup_) > 0;
    (void)was_out_of_memory();
    is_killed_ = true;  // Nothing new is parked from here on.
    std::vector<RunnerPtr> runners = std::move(runners_);
    runners_.clear();
    for (const RunnerPtr& runner : runners) {
        context_.loop.forget(runner->launch.get());
        abandon(*runner);
    }
    is_killed_ = false;
    if (has_failed_) return;
    if (was_ready)
        return context_.listener.on_died(
            spec_.id, out_of_memory ? DeathCause::out_of_memory : DeathCause::init_exited);
    context_.listener.on_failed(
        spec_.id,
        {ECONNRESET, out_of_memory
                         ? "its memory limit is too small for its init: raise limits.memory_max"
                         : "its init ended while it was set up"});
}

}  // namespace shardrun::shard
