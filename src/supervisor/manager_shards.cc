#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/fail.h"
#include "supervisor/manager_state.h"
#include "supervisor/wishes.h"

/// A shard's way from preparing to reclaimed.
namespace shardrun::supervisor {

namespace {

std::uint64_t number(ShardId id) {
    return static_cast<std::uint64_t>(id);
}

const char* name_of(shard::DeathCause cause) {
    switch (cause) {
        case shard::DeathCause::init_exited:
            return "its init exited";
        case shard::DeathCause::out_of_memory:
            return "its memory limit was reached";
        case shard::DeathCause::launcher_lost:
            return "the launcher was lost";
    }
    return "it died";
}

}  // namespace

Result<ShardRecord*> Manager::State::place(ClientRecord& client, Asker asker, shard::ShardSpec spec,
                                           bool is_one_shot) {
    const uid_t uid = client.peer.uid;
    SR_DO(policy::check_new_shard(grant(uid), use(uid)));
    SR_DO(policy::admit_shard(host,
                              {config->supervisor.connections_max, config->supervisor.shards_max}));
    ShardRecord* shard = take_parked(client, spec);
    if (shard == nullptr) {
        SR_TRY(shard, build(client, std::move(spec)));
    }
    own(client, *shard, asker, is_one_shot);
    return shard;
}

Result<ShardRecord*> Manager::State::build(ClientRecord& client, shard::ShardSpec spec) {
    const std::optional<uid_t> uid = uids.take();
    if (!uid) {
        // The spares hold some: let the next one who asks find them.
        empty_pool(Error{EAGAIN, "its uid is needed"});
        return refuse(EAGAIN, "shards: all {} uids of shard.uid_count are taken; ask again later",
                      config->shard.uid_count);
    }
    spec.uid = *uid;
    spec.slice = slice_of(client);
    ShardRecord& shard = add_shard(std::move(spec), client.peer.uid);
    actions.emplace_back(PrepareShard{shard.spec});
    return &shard;
}

ShardRecord& Manager::State::add_shard(shard::ShardSpec spec, uid_t owner_uid) {
    spec.id = ShardId{++last_shard};
    slices.at(spec.slice).shards.insert(spec.id);
    ShardRecord& shard = shards[spec.id];
    shard.spec = std::move(spec);
    shard.owner_uid = owner_uid;
    shard.asked_at = now;
    timers.set(shard.prepare_by,
               {now + config->supervisor.launch_deadline, TimerKind::prepare, number(shard.id())});
    return shard;
}

void Manager::State::own(ClientRecord& client, ShardRecord& shard, Asker asker, bool is_one_shot) {
    shard.asker = asker;
    shard.is_one_shot = is_one_shot;
    shard.owner_uid = client.peer.uid;
    shard.profile = client.profile;
    client.shards.insert(shard.id());
    ++slices.at(shard.spec.slice).living;
    ++use(client.peer.uid).shards;
    ++host.shards;
    if (shard.is_prepared && !is_one_shot) await_idle(shard);
}

void Manager::State::await_idle(ShardRecord& shard) {
    if (config->shard.idle_timeout.count() == 0) return;
    timers.set(shard.idle_until,
               {now + config->shard.idle_timeout, TimerKind::idle, number(shard.id())});
}

void Manager::State::on(ShardPrepared& event) {
    ShardRecord* shard = find_record(event.shard);
    if (shard == nullptr || shard->is_prepared || shard->is_destroying) return;
    timers.cancel(shard->prepare_by);
    shard->is_prepared = true;
    shard->state = shard->programs.empty() ? ShardState::ready : ShardState::active;
    shard->init_pid = event.init_pid;
    shard->cgroup = std::move(event.cgroup);
    shard->unenforced = event.unenforced;
    shard->prepare_us = static_cast<std::uint64_t>(event.prepare_time.count());
    if (shard->is_parked) return on_spare_ready(*shard);
    apply_resizes(*shard);
    for (const PendingMeasure& measure : shard->measures)
        actions.emplace_back(MeasureStatus{shard->id(), measure.request});
    for (const std::uint64_t blob : shard->blobs) begin_blob(blob);
    const bool is_asked_for = !shard->is_one_shot && shard->asker;
    if (!is_asked_for && subscribers.empty()) return;
    const ShardAssignment assigned = describe(*shard, AssignmentKind::assigned);
    if (is_asked_for) {
        shard->is_answered = true;
        reply(*shard->asker, assigned);
        if (shard->programs.empty()) await_idle(*shard);
    }
    publish(*shard, assigned);
}

void Manager::State::on(ShardFailed& event) {
    if (ShardRecord* shard = find_record(event.shard)) fail_shard(*shard, event.error);
}

void Manager::State::on(ShardDied& event) {
    ShardRecord* shard = find_record(event.shard);
    if (shard == nullptr) return;
    const bool is_oom = event.cause == shard::DeathCause::out_of_memory;
    shard->is_out_of_memory = shard->is_out_of_memory || is_oom;
    fail_shard(*shard, Error{is_oom ? ENOMEM : EIO, fmt::format("shard {}: {}", number(event.shard),
                                                                name_of(event.cause))});
}

/// The shard is no use any more; whatever is left of it is removed.
void Manager::State::fail_shard(ShardRecord& shard, const Error& error) {
    if (shard.is_destroying) return;
    if (shard.is_parked) on_spare_failed();
    shard.state = ShardState::failed;
    note(4, fmt::format("shard {} of uid {} failed: {}", number(shard.id()), shard.owner_uid,
                        error.message));
    destroy(shard, error);
}

/// The one way out for every shard. Frames go before DestroyShard: a client learns of an end
/// without waiting for what cleaning up costs.
void Manager::State::destroy(ShardRecord& shard, const Error& why) {
    if (shard.is_destroying) return;
    shard.is_destroying = true;
    timers.cancel(shard.prepare_by);
    timers.cancel(shard.idle_until);
    shard.reason = why.message;
    if (shard.is_parked) {
        leave_pool(shard);
    } else {
        refuse_waiting(shard, why);
        discount(shard);
    }
    if (shard.state != ShardState::failed) shard.state = ShardState::draining;
    actions.emplace_back(DestroyShard{shard.id()});
}

/// Answers everybody who waits for something of this shard, except for programs that run: the
/// backend still tells how they ended.
void Manager::State::refuse_waiting(ShardRecord& shard, const Error& why) {
    tell_end(shard, why);
    refuse_pending(shard, why);
    const std::set<ProgramId> ids = shard.programs;
    for (const ProgramId id : ids) {
        ProgramRecord& program = programs.at(id);
        if (program.state != ProgramState::waiting) continue;
        if (program.asker && !program.is_answered)
            reply_error(*program.asker, MessageType::shard_assignment, why);
        forget(program);
    }
}

void Manager::State::tell_end(const ShardRecord& shard, const Error& why) {
    if (!shard.is_one_shot && !shard.is_answered && shard.asker)
        reply_error(*shard.asker, MessageType::shard_assignment, why);
    if (shard.state == ShardState::draining) return;  // They know since the drain began.
    const bool is_failed = shard.state == ShardState::failed;
    ShardAssignment end;
    end.kind = is_failed ? AssignmentKind::failed : AssignmentKind::draining;
    end.shard = shard.id();
    end.state = is_failed ? ShardState::failed : ShardState::draining;
    end.reason = why.message;
    if (shard.is_answered) tell(shard.asker, end);
    // That a one-shot shard goes with its program is no news.
    if (is_failed || !shard.is_one_shot || !shard.programs.empty()) publish(shard, end);
}

void Manager::State::refuse_pending(ShardRecord& shard, const Error& why) {
    refuse_blobs(shard.blobs, why);
    for (const PendingMeasure& measure : std::exchange(shard.measures, {})) {
        end_inflight(measure.asker);
        reply_error(measure.asker, MessageType::shard_status, why);
    }
    for (const PendingLimits& resize : std::exchange(shard.resizes, {})) {
        if (!resize.asker) continue;
        end_inflight(*resize.asker);
        reply_error(*resize.asker, MessageType::shard_assignment, why);
    }
}

void Manager::State::discount(ShardRecord& shard) {
    --slices.at(shard.spec.slice).living;
    policy::UidUse& owner = use(shard.owner_uid);
    --owner.shards;
    ++owner.reclaiming;
    if (!shard.asker) return;
    if (ClientRecord* client = find_client(shard.asker->client)) client->shards.erase(shard.id());
}

void Manager::State::on(ShardReclaimed& event) {
    ShardRecord* shard = find_record(event.shard);
    if (shard == nullptr) return;
    // A backend that lost a shard by itself leaves nothing to destroy, but all to account for.
    destroy(*shard, Error{EIO, fmt::format("shard {}: is gone", number(event.shard))});
    const std::set<ProgramId> left = shard->programs;
    for (const ProgramId id : left) {
        ProgramExit exit;
        exit.signal_number = 9;
        exit.out_of_memory = shard->is_out_of_memory;
        tell_exit(programs.at(id), exit);
        forget(programs.at(id));
    }
    shard->state = ShardState::reclaimed;
    forget(*shard);
}

void Manager::State::forget(ShardRecord& shard) {
    for (const std::uint64_t release : shard.releases) finish_release(release, shard);
    if (!shard.is_parked) {
        ShardAssignment reclaimed;
        reclaimed.kind = AssignmentKind::reclaimed;
        reclaimed.shard = shard.id();
        reclaimed.state = ShardState::reclaimed;
        reclaimed.reason = shard.reason;
        if (shard.is_answered) tell(shard.asker, reclaimed);
        publish(shard, reclaimed);
        --use(shard.owner_uid).reclaiming;
        --host.shards;
        drop_unused(shard.owner_uid);
    }
    uids.give_back(shard.spec.uid);
    leave_slice(shard.spec.slice, shard.id());
    shards.erase(shard.id());
}

void Manager::State::on(ReclaimFailed& event) {
    note(4, fmt::format("shard {} is not reclaimed yet, trying again: {}", number(event.shard),
                        event.error.message));
}

}  // namespace shardrun::supervisor
