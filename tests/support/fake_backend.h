#pragma once

#include <signal.h>
#include <sys/eventfd.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "shard/backend_events.h"
#include "shard/spec.h"
#include "sys/event_loop.h"
#include "sys/fd_table.h"

namespace shardrun::test {

/// Shards and programs that exist only in a table; outcomes arrive in the loop's next round.
/// What argv[0] says: "true" ends at once, "exit" with status 7, "never" never starts, "stubborn"
/// hears only SIGKILL; every other program ends when it is signalled.
class FakeBackend final : public shard::ShardBackend {
 public:
    FakeBackend(sys::EventLoop& loop, sys::FdTable& fds, shard::BackendListener& listener)
        : loop_(loop), fds_(fds), listener_(listener) {}

    void prepare_shard(const shard::ShardSpec& spec) override {
        shards_[spec.id];
        calls_.push_back("prepare");
        later([this, id = spec.id] {
            listener_.on_prepared(
                id, {.init_pid = 1, .cgroup = "fake", .unenforced = 0, .prepare_time = {}});
        });
    }

    void run_program(ShardId shard, const shard::ProgramSpec& program) override {
        calls_.push_back("run");
        for (const FdToken token : program.stdio) fds_.discard(token);
        shards_[shard].insert(program.id);
        later([this, shard, program] {
            if (!is_running(shard, program.id) || program.argv.front() == "never") return;
            shard::Started started;
            if (program.wants_pidfd) started.pidfd = fds_.insert(make_fd());
            if (program.terminal) started.terminal = fds_.insert(make_fd());
            listener_.on_started(shard, program.id, started);
            if (program.argv.front() == "stubborn") stubborn_.insert(program.id);
            if (program.argv.front() == "true") end(shard, program.id, {});
            if (program.argv.front() == "exit") end(shard, program.id, {.status = 7});
        });
    }

    void signal_program(ShardId shard, ProgramId program, int signal_number) override {
        calls_.push_back("signal");
        later([this, shard, program, signal_number] {
            const std::set<ProgramId> running = shards_[shard];
            for (const ProgramId each : running)
                if ((program == ProgramId{} || program == each) &&
                    (signal_number == SIGKILL || !stubborn_.contains(each)))
                    end(shard, each, killed_by(signal_number));
        });
    }

    void apply_limits(ShardId shard, const ShardLimits&) override {
        later([this, shard] { listener_.on_limits_applied(shard, std::nullopt); });
    }

    void destroy_shard(ShardId shard) override {
        calls_.push_back("destroy");
        later([this, shard] {
            const std::set<ProgramId> running = shards_[shard];
            for (const ProgramId program : running) end(shard, program, killed_by(9));
            shards_.erase(shard);
            listener_.on_reclaimed(shard);
        });
    }

    void remove_slice(shard::SliceId) override { calls_.push_back("remove_slice"); }

    void measure_status(ShardId shard, std::uint64_t request) override {
        later([this, shard, request] {
            ShardStatus status;
            status.shard = shard;
            status.pids_current = 1;
            listener_.on_status(shard, request, status);
        });
    }

    void prefetch_file(ShardId, std::uint64_t request, const std::string& name) override {
        later([this, request, name] {
            shard::BlobReport report;
            report.outcome = BlobOutcome::prefetched;
            report.name = name;
            listener_.on_blob(request, report);
        });
    }
    void load_blob(ShardId shard, std::uint64_t request, const std::string& name) override {
        prefetch_file(shard, request, name);
    }
    void open_blob(std::uint64_t request, const std::string& name) override {
        later([this, request, name] {
            shard::BlobReport report;
            report.outcome = BlobOutcome::demand_loaded;
            report.name = name;
            report.fd = fds_.insert(make_fd());
            listener_.on_blob(request, report);
        });
    }

    std::size_t shard_count() const { return shards_.size(); }
    const std::vector<std::string>& calls() const { return calls_; }

 private:
    static UniqueFd make_fd() { return UniqueFd(::eventfd(0, EFD_CLOEXEC)); }

    void later(std::function<void()> outcome) { loop_.set_timer(loop_.now(), std::move(outcome)); }

    bool is_running(ShardId shard, ProgramId program) const {
        const auto found = shards_.find(shard);
        return found != shards_.end() && found->second.contains(program);
    }

    static ProgramExit killed_by(int signal_number) {
        return {.signal_number = static_cast<std::uint8_t>(signal_number)};
    }

    void end(ShardId shard, ProgramId program, const ProgramExit& exit) {
        if (shards_[shard].erase(program) != 0) listener_.on_exited(shard, program, exit);
    }

    sys::EventLoop& loop_;
    sys::FdTable& fds_;
    shard::BackendListener& listener_;
    std::map<ShardId, std::set<ProgramId>> shards_;
    std::set<ProgramId> stubborn_;
    std::vector<std::string> calls_;
};

}  // namespace shardrun::test
