#include "supervisor/event_inbox.h"

#include <utility>

namespace shardrun::supervisor {

void EventInbox::push(Event event) {
    events_.push_back(std::move(event));
    loop_.hurry();
}

std::vector<Event> EventInbox::take() {
    return std::exchange(events_, {});
}

void EventInbox::on_prepared(ShardId shard, const shard::Prepared& prepared) {
    push(ShardPrepared{shard, prepared.init_pid, prepared.cgroup, prepared.unenforced,
                       prepared.prepare_time});
}

void EventInbox::on_failed(ShardId shard, const Error& error) {
    push(ShardFailed{shard, error});
}

void EventInbox::on_died(ShardId shard, shard::DeathCause cause) {
    push(ShardDied{shard, cause});
}

void EventInbox::on_reclaimed(ShardId shard) {
    push(ShardReclaimed{shard});
}

void EventInbox::on_reclaim_failed(ShardId shard, const Error& error) {
    push(ReclaimFailed{shard, error});
}

void EventInbox::on_started(ShardId shard, ProgramId program, const shard::Started& started) {
    push(ProgramStarted{shard, program, started.pidfd, started.terminal, started.pid});
}

void EventInbox::on_program_failed(ShardId shard, ProgramId program, const Error& error) {
    push(ProgramFailed{shard, program, error});
}

void EventInbox::on_stopped(ShardId shard, ProgramId program, int signal_number) {
    push(ProgramStopped{shard, program, signal_number});
}

void EventInbox::on_continued(ShardId shard, ProgramId program) {
    push(ProgramContinued{shard, program});
}

void EventInbox::on_exited(ShardId shard, ProgramId program, const ProgramExit& exit) {
    push(ProgramExited{shard, program, exit});
}

void EventInbox::on_limits_applied(ShardId shard, const std::optional<Error>& error) {
    push(LimitsApplied{shard, error});
}

void EventInbox::on_status(ShardId shard, std::uint64_t request,
                           const Result<ShardStatus>& status) {
    if (status) return push(StatusMeasured{shard, request, *status, std::nullopt});
    push(StatusMeasured{shard, request, {}, status.error()});
}

void EventInbox::on_blob(std::uint64_t request, const shard::BlobReport& report) {
    push(BlobReported{request, report});
}

void EventInbox::on_file_used(shard::SliceId slice, ShardId shard,
                              const shard::BlobReport& report) {
    push(FileUsed{slice, shard, report});
}

}  // namespace shardrun::supervisor
