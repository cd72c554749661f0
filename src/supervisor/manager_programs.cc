#include <cerrno>
#include <csignal>
#include <utility>

#include "base/fail.h"
#include "supervisor/manager_state.h"

/// A program's way from waiting to its end.
namespace shardrun::supervisor {

namespace {

std::uint64_t number(ProgramId id) {
    return static_cast<std::uint64_t>(id);
}

ShardAssignment signal_of(const ProgramRecord& program, AssignmentKind kind) {
    ShardAssignment assignment;
    assignment.kind = kind;
    assignment.shard = program.shard;
    assignment.program = program.id;
    return assignment;
}

}  // namespace

ProgramRecord* Manager::State::find_program(ShardId shard, ProgramId id) {
    const auto found = programs.find(id);
    if (found == programs.end() || found->second.shard != shard) return nullptr;
    return &found->second;
}

void Manager::State::start_program(ClientRecord& client, Asker asker, ShardRecord& shard,
                                   shard::ProgramSpec spec, Fds& fds) {
    spec.id = ProgramId{++last_program};
    spec.stdio = std::exchange(fds, {});
    ProgramRecord& program = programs[spec.id];
    program.id = spec.id;
    program.shard = shard.id();
    if (shard.is_one_shot && shard.main_program == ProgramId{}) shard.main_program = spec.id;
    program.uid = client.peer.uid;
    program.asker = asker;
    program.wants_pidfd = spec.wants_pidfd;
    program.name = spec.argv.front();
    timers.set(program.start_by,
               {now + config->supervisor.launch_deadline, TimerKind::launch, number(program.id)});
    client.programs.insert(program.id);
    shard.programs.insert(program.id);
    ++use(program.uid).programs;
    timers.cancel(shard.idle_until);
    if (shard.is_prepared) shard.state = ShardState::active;
    actions.emplace_back(RunProgram{shard.id(), std::move(spec)});
}

void Manager::State::on(ProgramStarted& event) {
    Fds fds;
    ShardAssignment started;
    ProgramRecord* program = find_program(event.shard, event.program);
    if (event.pidfd) fds.push_back(*event.pidfd);
    if (event.pidfd) started.fds.push_back(FdRole::pidfd);
    if (event.terminal) fds.push_back(*event.terminal);
    if (event.terminal) started.fds.push_back(FdRole::terminal);
    if (program == nullptr || program->state != ProgramState::waiting) return discard(fds);

    timers.cancel(program->start_by);
    program->state = ProgramState::running;
    program->pid = event.pid;
    const ShardRecord& shard = shards.at(event.shard);
    if (program->is_unwanted || !program->asker) {
        discard(fds);
    } else {
        // Whoever got the shard with this same request learns what it is, others know.
        const std::vector<FdRole> roles = std::exchange(started.fds, {});
        started = shard.main_program == program->id ? describe(shard, AssignmentKind::started)
                                                    : signal_of(*program, AssignmentKind::started);
        started.program = program->id;
        started.state = shard.state;
        started.fds = roles;
        program->is_answered = true;
        reply(*program->asker, started, std::move(fds));
    }
    if (!subscribers.empty()) publish(shard, signal_of(*program, AssignmentKind::started));
    send_signals(*program);
}

void Manager::State::send_signals(ProgramRecord& program) {
    if (shards.at(program.shard).is_destroying) return;
    if (program.is_unwanted) {
        actions.emplace_back(SignalProgram{program.shard, program.id, SIGKILL});
        return;
    }
    for (int signal = 1; program.signals != 0; ++signal, program.signals >>= 1U)
        if ((program.signals & 1U) != 0)
            actions.emplace_back(SignalProgram{program.shard, program.id, signal});
}

void Manager::State::on(ProgramFailed& event) {
    ProgramRecord* program = find_program(event.shard, event.program);
    if (program == nullptr) return;
    if (program->asker && !program->is_answered)
        reply_error(*program->asker, MessageType::shard_assignment, event.error);
    else if (program->state != ProgramState::waiting)
        tell_exit(*program, ProgramExit{.signal_number = SIGKILL});
    forget(*program);
    after_program(event.shard);
}

void Manager::State::on(ProgramStopped& event) {
    ProgramRecord* program = find_program(event.shard, event.program);
    if (program == nullptr || program->state == ProgramState::waiting) return;
    program->state = ProgramState::stopped;
    ShardAssignment stopped = signal_of(*program, AssignmentKind::stopped);
    stopped.exit.emplace();
    stopped.exit->signal_number = static_cast<std::uint8_t>(event.signal_number);
    tell(program->asker, stopped);
    publish(shards.at(event.shard), stopped);
}

void Manager::State::on(ProgramContinued& event) {
    ProgramRecord* program = find_program(event.shard, event.program);
    if (program == nullptr || program->state == ProgramState::waiting) return;
    program->state = ProgramState::running;
    const ShardAssignment continued = signal_of(*program, AssignmentKind::continued);
    tell(program->asker, continued);
    publish(shards.at(event.shard), continued);
}

void Manager::State::on(ProgramExited& event) {
    ProgramRecord* program = find_program(event.shard, event.program);
    if (program == nullptr) return;
    if (program->asker && !program->is_answered)
        reply_error(
            *program->asker, MessageType::shard_assignment,
            Error{ESRCH, fmt::format("program {}: ended before it began", number(program->id))});
    else
        tell_exit(*program, event.exit);
    forget(*program);
    after_program(event.shard);
}

void Manager::State::tell_exit(ProgramRecord& program, const ProgramExit& exit) {
    const ShardRecord& shard = shards.at(program.shard);
    ShardAssignment exited = signal_of(program, AssignmentKind::exited);
    exited.exit = exit;
    exited.exit->out_of_memory = exit.out_of_memory || shard.is_out_of_memory;
    if (!shard.is_one_shot || shard.is_destroying) exited.reason = shard.reason;
    tell(program.asker, exited);
    if (!subscribers.empty()) publish(shard, exited);
}

/// Takes the program out of all tables; its shard goes on.
void Manager::State::forget(ProgramRecord& program) {
    const ProgramId id = program.id;
    const uid_t uid = program.uid;
    timers.cancel(program.start_by);
    if (program.asker)
        if (ClientRecord* client = find_client(program.asker->client)) client->programs.erase(id);
    shards.at(program.shard).programs.erase(id);
    --use(uid).programs;
    programs.erase(id);
    drop_unused(uid);
}

void Manager::State::after_program(ShardId id) {
    ShardRecord& shard = shards.at(id);
    if (shard.is_destroying) return;
    const bool is_over = shard.is_one_shot && !shard.programs.contains(shard.main_program);
    if (!is_over && !shard.programs.empty()) return;
    if (is_over || is_draining) return destroy(shard, Error{ECANCELED, "its program ended"});
    if (!shard.is_prepared) return;
    shard.state = ShardState::ready;
    await_idle(shard);
}

void Manager::State::on_launch_overdue(ProgramRecord& program) {
    program.start_by.reset();
    abandon(program, Error{ETIMEDOUT, fmt::format("program {}: did not start in {} ms "
                                                  "(supervisor.launch_deadline_ms)",
                                                  number(program.id),
                                                  config->supervisor.launch_deadline.count())});
}

/// Nobody waits for it any more: it is killed, at the latest when it starts.
void Manager::State::abandon(ProgramRecord& program, const Error& why) {
    ShardRecord& shard = shards.at(program.shard);
    if (program.asker && !program.is_answered) {
        reply_error(*program.asker, MessageType::shard_assignment, why);
        program.is_answered = true;
    }
    timers.cancel(program.start_by);
    if (program.asker)
        if (ClientRecord* client = find_client(program.asker->client))
            client->programs.erase(program.id);
    program.asker.reset();
    program.is_unwanted = true;
    if (shard.main_program == program.id) return destroy(shard, why);
    if (program.state != ProgramState::waiting) send_signals(program);
}

}  // namespace shardrun::supervisor
