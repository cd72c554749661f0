#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/fail.h"
#include "supervisor/manager_state.h"
#include "supervisor/wishes.h"

/// What is asked about shards that are there: signals, release, limits, listings, use.
namespace shardrun::supervisor {

namespace {

constexpr std::uint32_t kSignalMax = 64;

std::uint64_t bit_of(std::uint32_t signal_number) {
    return std::uint64_t{1} << (signal_number - 1);
}

ShardAssignment done(ShardId shard, ProgramId program = {}) {
    ShardAssignment assignment;
    assignment.kind = AssignmentKind::done;
    assignment.shard = shard;
    assignment.program = program;
    return assignment;
}

}  // namespace

Result<void> Manager::State::take_inflight(ClientRecord& client) {
    if (client.inflight >= kInflightMax)
        return refuse(EAGAIN,
                      "requests: {} of this connection are in work, {} may be; wait for "
                      "answers first",
                      client.inflight, kInflightMax);
    ++client.inflight;
    return {};
}

void Manager::State::end_inflight(const Asker& asker) {
    if (ClientRecord* client = find_client(asker.client)) --client->inflight;
}

Result<void> Manager::State::ask(ClientRecord& client, Asker asker,
                                 ResourceRequest::Signal& signal) {
    if (signal.signal_number == 0 || signal.signal_number > kSignalMax)
        return refuse(EINVAL, "signal_number: {} is none; 1 to {} are", signal.signal_number,
                      kSignalMax);
    SR_TRY(ShardRecord * shard, find_shard(client, signal.shard));
    if (signal.program != ProgramId{} && find_program(shard->id(), signal.program) == nullptr)
        return refuse(ESRCH, "program {}: does not run in shard {}",
                      static_cast<std::uint64_t>(signal.program),
                      static_cast<std::uint64_t>(shard->id()));
    for (const ProgramId id : shard->programs) {
        ProgramRecord& program = programs.at(id);
        if (signal.program != ProgramId{} && signal.program != id) continue;
        // A program that is still to start gets it then.
        if (program.state == ProgramState::waiting)
            program.signals |= bit_of(signal.signal_number);
        else if (!shard->is_destroying)
            actions.emplace_back(
                SignalProgram{shard->id(), id, static_cast<int>(signal.signal_number)});
    }
    reply(asker, done(shard->id(), signal.program));
    return {};
}

Result<void> Manager::State::ask(ClientRecord& client, Asker asker,
                                 ResourceRequest::Release& release) {
    std::set<ShardId> wanted = client.shards;
    if (release.shard) {
        SR_TRY(ShardRecord * shard, find_shard(client, *release.shard));
        wanted = {shard->id()};
    }
    if (wanted.empty()) {
        reply(asker, done(ShardId{}));
        return {};
    }
    SR_DO(take_inflight(client));
    const std::uint64_t id = ++last_release;
    releases.emplace(id, ReleaseRecord{asker, release.shard, 0});
    for (const ShardId shard : wanted) await_release(id, shards.at(shard));
    return {};
}

void Manager::State::await_release(std::uint64_t release, ShardRecord& shard) {
    ++releases.at(release).left;
    shard.releases.push_back(release);
    destroy(shard, Error{ECANCELED, fmt::format("shard {}: was released",
                                                static_cast<std::uint64_t>(shard.id()))});
}

void Manager::State::finish_release(std::uint64_t id, const ShardRecord& shard) {
    ReleaseRecord& release = releases.at(id);
    ShardAssignment reclaimed;
    reclaimed.kind = AssignmentKind::reclaimed;
    reclaimed.shard = shard.id();
    reclaimed.state = ShardState::reclaimed;
    tell(release.asker, reclaimed);
    if (--release.left > 0) return;
    end_inflight(release.asker);
    reply(release.asker, done(release.shard.value_or(ShardId{})));
    releases.erase(id);
}

Result<void> Manager::State::ask(ClientRecord& client, Asker asker,
                                 ResourceRequest::Resize& resize) {
    SR_DO(check_no_drain());
    SR_TRY(ShardRecord * shard, find_living(client, resize.shard));
    // On top of what is on its way already, or two resizes in a row would undo each other.
    const ShardLimits& current =
        shard->resizes.empty() ? shard->spec.limits : shard->resizes.back().limits;
    SR_TRY(ShardLimits limits,
           check_resize(grant(client.peer.uid), current, resize.limits, missing_controllers()));
    SR_DO(take_inflight(client));
    shard->resizes.push_back(PendingLimits{asker, std::move(limits)});
    if (shard->is_prepared)
        actions.emplace_back(ApplyLimits{shard->id(), shard->resizes.back().limits});
    return {};
}

void Manager::State::apply_resizes(ShardRecord& shard) {
    for (const PendingLimits& resize : shard.resizes)
        actions.emplace_back(ApplyLimits{shard.id(), resize.limits});
}

void Manager::State::on(LimitsApplied& event) {
    ShardRecord* shard = find_record(event.shard);
    if (shard == nullptr || shard->resizes.empty()) return;
    PendingLimits applied = std::move(shard->resizes.front());
    shard->resizes.pop_front();
    // Programs must never run under another's limits.
    if (event.error && !applied.asker) return fail_shard(*shard, *event.error);
    if (!event.error) shard->spec.limits = std::move(applied.limits);
    if (!applied.asker) return;
    end_inflight(*applied.asker);
    if (event.error)
        return reply_error(*applied.asker, MessageType::shard_assignment, *event.error);
    const ShardAssignment resized = describe(*shard, AssignmentKind::resized);
    reply(*applied.asker, resized);
    publish(*shard, resized);
}

Result<void> Manager::State::ask(ClientRecord& client, Asker asker,
                                 ResourceRequest::Subscribe& subscribe) {
    client.lifecycle.reset();
    client.prefetch.reset();
    subscribers.erase(client.id);
    watchers.erase(client.id);
    if (subscribe.lifecycle) {
        client.lifecycle = asker.correlation;
        subscribers.insert(client.id);
    }
    if (subscribe.prefetch) {
        client.prefetch = asker.correlation;
        watchers.insert(client.id);
    }
    reply(asker, done(ShardId{}));
    return {};
}

Result<void> Manager::State::ask(ClientRecord& client, Asker asker, ResourceRequest::List& list) {
    std::vector<ShardId> rows;
    if (list.shard) {
        SR_TRY(const ShardRecord* shard, find_shard(client, *list.shard));
        rows.push_back(shard->id());
    } else {
        for (const ShardId id : all_shards())
            if (find_shard(client, id)) rows.push_back(id);
    }
    for (const ShardId id : rows) reply(asker, list_row(shards.at(id)), {}, id == rows.back());
    if (!rows.empty()) return {};
    ShardAssignment end;
    end.kind = AssignmentKind::listed;
    reply(asker, std::move(end));
    return {};
}

Result<void> Manager::State::ask(ClientRecord& client, Asker asker, ShardStatus& status) {
    SR_TRY(ShardRecord * shard, find_living(client, status.shard));
    if (status.reported_load) shard->reported_load = status.reported_load;
    if (status.reported_queue) shard->reported_queue = status.reported_queue;
    SR_DO(take_inflight(client));
    const std::uint64_t request = ++last_measure;
    shard->measures.push_back(PendingMeasure{request, asker});
    // One that is not there yet has used nothing; it is measured when it is ready.
    if (shard->is_prepared) actions.emplace_back(MeasureStatus{shard->id(), request});
    return {};
}

void Manager::State::on(StatusMeasured& event) {
    ShardRecord* shard = find_record(event.shard);
    if (shard == nullptr) return;
    const auto found =
        std::find_if(shard->measures.begin(), shard->measures.end(),
                     [&](const PendingMeasure& m) { return m.request == event.request; });
    if (found == shard->measures.end()) return;
    const Asker asker = found->asker;
    shard->measures.erase(found);
    end_inflight(asker);
    if (event.error) return reply_error(asker, MessageType::shard_status, *event.error);
    ShardStatus status = std::move(event.status);
    status.shard = shard->id();
    status.reported_load = shard->reported_load;
    status.reported_queue = shard->reported_queue;
    status.limits = shard->spec.limits;
    reply(asker, std::move(status));
}

}  // namespace shardrun::supervisor
