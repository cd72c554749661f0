#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/mono_time.h"
#include "base/rng.h"
#include "ledger.h"
#include "shard/spec.h"
#include "supervisor/manager.h"

namespace shardrun::sim {

/// A kernel that takes its time: what it is told happens later, in an order the real one could
/// show, or fails, or its shards die by themselves. Complains about every order that the real one
/// could not follow.
class SimBackend : public shard::ShardBackend {
 public:
    SimBackend(Rng& rng, Ledger& ledger, std::vector<std::string>& complaints);

    void prepare_shard(const shard::ShardSpec& spec) override;
    void run_program(ShardId shard, const shard::ProgramSpec& program) override;
    void signal_program(ShardId shard, ProgramId program, int signal_number) override;
    void apply_limits(ShardId shard, const ShardLimits& limits) override;
    void destroy_shard(ShardId shard) override;
    void remove_slice(shard::SliceId slice) override;
    void measure_status(ShardId shard, std::uint64_t request) override;
    void prefetch_file(ShardId shard, std::uint64_t request, const std::string& name) override;
    void load_blob(ShardId shard, std::uint64_t request, const std::string& name) override;
    void open_blob(std::uint64_t request, const std::string& name) override;

    /// What happens up to `now`.
    std::vector<supervisor::Event> advance(MonoTime now);
    /// When something happens next.
    std::optional<MonoTime> next() const;

    std::size_t shards() const { return shards_.size(); }
    std::size_t slices() const { return slices_.size(); }
    bool is_told_to_destroy(ShardId shard) const;
    uid_t any_uid() const { return *uids_.begin(); }
    std::uint64_t prepared_total() const { return prepared_total_; }

 private:
    enum class Phase { preparing, ready, failed, dead, destroying };
    enum class Run { waiting, running, over };
    struct Program {
        Run phase = Run::waiting;
        bool wants_pidfd = false;
        bool wants_terminal = false;
        bool is_stopped = false;
    };
    struct Shard {
        shard::ShardSpec spec;
        Phase phase = Phase::preparing;
        std::map<ProgramId, Program> programs;
        MonoTime limits_at;  ///< limits are confirmed in order
    };

    void at(MonoTime when, std::function<void()> effect);
    void after_ms(std::uint64_t least, std::uint64_t most, std::function<void()> effect);
    void complain(std::string complaint) { complaints_.push_back(std::move(complaint)); }
    Shard* living(ShardId id, const char* intent);
    Program* program(ShardId shard, ProgramId program);
    void emit(supervisor::Event event) { outbox_.push_back(std::move(event)); }
    void emit_started(ShardId shard, ProgramId id, const Program& program);
    void report_blob(std::uint64_t request, const std::string& name, bool has_fd);
    void on_prepared(ShardId id);
    void use_files(shard::SliceId slice, ShardId shard);
    void on_start(ShardId shard, ProgramId id);
    void on_exit(ShardId shard, ProgramId id, ProgramExit exit);
    void on_death(ShardId id);
    void on_destroyed(ShardId id);
    void stop_and_go(ShardId shard, ProgramId id);

    Rng& rng_;
    Ledger& ledger_;
    std::vector<std::string>& complaints_;
    MonoTime now_;
    std::multimap<MonoTime, std::function<void()>> effects_;
    std::vector<supervisor::Event> outbox_;
    std::map<ShardId, Shard> shards_;
    std::map<shard::SliceId, std::set<ShardId>> slices_;
    std::set<shard::SliceId> removed_;
    std::set<uid_t> uids_;
    ShardId last_shard_{};
    std::set<ProgramId> program_ids_;
    std::uint64_t prepared_total_ = 0;
};

}  // namespace shardrun::sim
