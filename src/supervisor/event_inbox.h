#pragma once

#include <vector>

#include "shard/backend_events.h"
#include "supervisor/manager.h"
#include "sys/event_loop.h"

namespace shardrun::supervisor {

/// What has happened since the manager's last step, in order: from clients by `push`, from the
/// backend as its listener. Wakes the loop when there is something.
class EventInbox final : public shard::BackendListener {
 public:
    explicit EventInbox(sys::EventLoop& loop) : loop_(loop) {}

    void push(Event event);
    /// Empties it.
    std::vector<Event> take();
    bool is_empty() const { return events_.empty(); }

    void on_prepared(ShardId shard, const shard::Prepared& prepared) override;
    void on_failed(ShardId shard, const Error& error) override;
    void on_died(ShardId shard, shard::DeathCause cause) override;
    void on_reclaimed(ShardId shard) override;
    void on_reclaim_failed(ShardId shard, const Error& error) override;
    void on_started(ShardId shard, ProgramId program, const shard::Started& started) override;
    void on_program_failed(ShardId shard, ProgramId program, const Error& error) override;
    void on_stopped(ShardId shard, ProgramId program, int signal_number) override;
    void on_continued(ShardId shard, ProgramId program) override;
    void on_exited(ShardId shard, ProgramId program, const ProgramExit& exit) override;
    void on_limits_applied(ShardId shard, const std::optional<Error>& error) override;
    void on_status(ShardId shard, std::uint64_t request,
                   const Result<ShardStatus>& status) override;
    void on_blob(std::uint64_t request, const shard::BlobReport& report) override;
    void on_file_used(shard::SliceId slice, ShardId shard,
                      const shard::BlobReport& report) override;

 private:
    sys::EventLoop& loop_;
    std::vector<Event> events_;
};

}  // namespace shardrun::supervisor
