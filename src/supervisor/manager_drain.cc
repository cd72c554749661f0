#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/fail.h"
#include "supervisor/manager_state.h"

/// The end: no new work, programs are asked to end, then made to, then clients are let go.
namespace shardrun::supervisor {

namespace {

const Error kShutdown{ESHUTDOWN, "the supervisor is shutting down"};

}  // namespace

void Manager::State::on(DrainRequested&) {
    // Asked a second time: whoever asks is out of patience.
    if (is_draining) return destroy_all();
    is_draining = true;
    pool_at.reset();
    note(5, fmt::format("draining {} shards, at most {} ms", host.shards,
                        config->supervisor.drain_deadline.count()));
    empty_pool(kShutdown);
    for (const ShardId id : all_shards()) drain_shard(shards.at(id));
    timers.set(drain_by, {now + config->supervisor.drain_deadline, TimerKind::drain, 0});
}

void Manager::State::drain_shard(ShardRecord& shard) {
    if (shard.is_destroying) return;
    const auto runs = [&](ProgramId id) { return programs.at(id).state != ProgramState::waiting; };
    if (std::none_of(shard.programs.begin(), shard.programs.end(), runs))
        return destroy(shard, kShutdown);
    shard.state = ShardState::draining;
    ShardAssignment draining;
    draining.kind = AssignmentKind::draining;
    draining.shard = shard.id();
    draining.state = ShardState::draining;
    draining.reason = kShutdown.message;
    if (shard.is_answered) tell(shard.asker, draining);
    publish(shard, draining);
    const std::set<ProgramId> ids = shard.programs;
    for (const ProgramId id : ids)
        if (!shard.is_destroying && !runs(id)) abandon(programs.at(id), kShutdown);
    // A one-shot shard whose own program never began ends there and then.
    if (!shard.is_destroying) actions.emplace_back(SignalProgram{shard.id(), ProgramId{}, SIGTERM});
}

void Manager::State::destroy_all() {
    timers.cancel(drain_by);
    for (const ShardId id : all_shards()) destroy(shards.at(id), kShutdown);
    // Reclaiming may hang in the kernel for longer than anybody can wait.
    if (!goodbye_by && !is_closing)
        timers.set(goodbye_by, {now + std::max<std::chrono::milliseconds>(
                                          config->supervisor.drain_deadline, kGoodbye),
                                TimerKind::goodbye, 0});
}

void Manager::State::finish_if_done() {
    if (!is_draining || is_finished || !shards.empty()) return;
    if (!is_closing) {
        is_closing = true;
        timers.cancel(drain_by);
        timers.set(goodbye_by, {now + kGoodbye, TimerKind::goodbye, 0});
        for (auto& [id, client] : clients) {
            refuse_blobs(client.blobs, kShutdown);
            close(client);
        }
    }
    if (!clients.empty()) return;
    timers.cancel(goodbye_by);
    is_finished = true;
    actions.emplace_back(Finish{});
}

}  // namespace shardrun::supervisor
