#include "sim_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

namespace shardrun::sim {

using namespace std::chrono_literals;

SimBackend::SimBackend(Rng& rng, Ledger& ledger, std::vector<std::string>& complaints)
    : rng_(rng), ledger_(ledger), complaints_(complaints) {}

void SimBackend::at(MonoTime when, std::function<void()> effect) {
    effects_.emplace(when, std::move(effect));
}

void SimBackend::after_ms(std::uint64_t least, std::uint64_t most, std::function<void()> effect) {
    const auto us = static_cast<std::int64_t>(least * 1000 + rng_.below((most - least) * 1000 + 1));
    at(now_ + std::chrono::microseconds(us), std::move(effect));
}

SimBackend::Shard* SimBackend::living(ShardId id, const char* intent) {
    const auto found = shards_.find(id);
    if (found != shards_.end() && found->second.phase != Phase::destroying) return &found->second;
    complain(fmt::format("{} shard {}, which is gone", intent, std::to_underlying(id)));
    return nullptr;
}

SimBackend::Program* SimBackend::program(ShardId shard, ProgramId id) {
    const auto found = shards_.find(shard);
    if (found == shards_.end()) return nullptr;
    const auto known = found->second.programs.find(id);
    return known == found->second.programs.end() ? nullptr : &known->second;
}

bool SimBackend::is_told_to_destroy(ShardId shard) const {
    const auto found = shards_.find(shard);
    return found == shards_.end() || found->second.phase == Phase::destroying;
}

void SimBackend::prepare_shard(const shard::ShardSpec& spec) {
    if (spec.id <= last_shard_) complain("a shard's id is used twice");
    last_shard_ = spec.id;
    if (!uids_.insert(spec.uid).second)
        complain(fmt::format("uid {} is given to two shards", spec.uid));
    if (spec.slice == shard::SliceId{} || removed_.contains(spec.slice))
        complain(
            fmt::format("shard {} goes into a slice that is gone", std::to_underlying(spec.id)));
    slices_[spec.slice].insert(spec.id);
    shards_[spec.id].spec = spec;
    const ShardId id = spec.id;
    if (rng_.chance(4)) return;  // Stuck: whoever waits for it must have a deadline.
    after_ms(0, rng_.chance(5) ? 7000 : 4, [this, id] { on_prepared(id); });
}

void SimBackend::on_prepared(ShardId id) {
    const auto found = shards_.find(id);
    if (found == shards_.end() || found->second.phase != Phase::preparing) return;
    Shard& shard = found->second;
    if (rng_.chance(8)) {
        shard.phase = Phase::failed;
        emit(supervisor::ShardFailed{id, Error{EIO, "simulated: cannot prepare"}});
        // The programs that wait for it may be reported or not.
        for (const auto& [program, run] : shard.programs)
            if (rng_.chance(50))
                emit(supervisor::ProgramFailed{id, program, Error{EIO, "simulated: no shard"}});
        return;
    }
    ++prepared_total_;
    shard.phase = Phase::ready;
    emit(supervisor::ShardPrepared{id, 4242, "shardrun/sim", 0, 700us});
    if (rng_.chance(6)) after_ms(0, 4000, [this, id] { on_death(id); });
    const ShardId owner = rng_.chance(50) ? id : ShardId{};
    if (!shard.spec.image.empty()) use_files(shard.spec.slice, owner);
}

/// Files are opened from time to time; of some it is told when shard and slice are gone.
void SimBackend::use_files(shard::SliceId slice, ShardId shard) {
    if (rng_.chance(15)) return;
    after_ms(0, 100, [this, slice, shard] {
        supervisor::FileUsed used{slice, shard, {}};
        used.report.name = "/usr/bin/python3";
        used.report.outcome = rng_.chance(50) ? BlobOutcome::hit : BlobOutcome::demand_loaded;
        if (rng_.chance(10)) used.report.error = Error{EBADMSG, "simulated: a wrong digest"};
        emit(std::move(used));
        use_files(slice, shard);
    });
}

void SimBackend::on_death(ShardId id) {
    const auto found = shards_.find(id);
    if (found == shards_.end() || found->second.phase != Phase::ready) return;
    found->second.phase = Phase::dead;
    const auto cause = static_cast<shard::DeathCause>(rng_.below(3));
    const bool tells_exits = rng_.chance(50);
    const bool is_first = rng_.chance(50);
    if (is_first) emit(supervisor::ShardDied{id, cause});
    for (auto& [program, run] : found->second.programs) {
        if (!tells_exits || run.phase == Run::over) continue;
        if (run.phase == Run::waiting) {
            emit(supervisor::ProgramFailed{id, program, Error{EIO, "simulated: it died"}});
        } else {
            ProgramExit exit;
            exit.signal_number = SIGKILL;
            emit(supervisor::ProgramExited{id, program, exit});
        }
        run.phase = Run::over;
    }
    if (!is_first) emit(supervisor::ShardDied{id, cause});
}

void SimBackend::run_program(ShardId id, const shard::ProgramSpec& spec) {
    for (const shard::FdToken fd : spec.stdio)
        if (!ledger_.spend(fd)) complain("a program gets a descriptor that is not there");
    if (!program_ids_.insert(spec.id).second) complain("a program's id is used twice");
    Shard* shard = living(id, "runs a program in");
    if (shard == nullptr) return;
    Program& program = shard->programs[spec.id];
    program.wants_pidfd = spec.wants_pidfd;
    program.wants_terminal = spec.terminal.has_value();
    const ProgramId program_id = spec.id;
    after_ms(0, rng_.chance(4) ? 9000 : 3, [this, id, program_id] { on_start(id, program_id); });
}

void SimBackend::emit_started(ShardId shard, ProgramId id, const Program& program) {
    supervisor::ProgramStarted started{shard, id, {}, {}, 777};
    if (program.wants_pidfd) started.pidfd = ledger_.mint();
    if (program.wants_terminal) started.terminal = ledger_.mint();
    emit(started);
}

void SimBackend::on_start(ShardId shard, ProgramId id) {
    Program* waiting = program(shard, id);
    if (waiting == nullptr || waiting->phase != Run::waiting) return;
    const Phase phase = shards_.at(shard).phase;
    if (phase == Phase::preparing)
        return after_ms(1, 3, [this, shard, id] { on_start(shard, id); });
    if (phase != Phase::ready) return;
    if (rng_.chance(10)) {
        waiting->phase = Run::over;
        return emit(supervisor::ProgramFailed{shard, id, Error{ENOENT, "simulated: no such file"}});
    }
    waiting->phase = Run::running;
    emit_started(shard, id, *waiting);
    if (rng_.chance(10)) after_ms(0, 500, [this, shard, id] { stop_and_go(shard, id); });
    ProgramExit exit;
    exit.status = static_cast<std::uint8_t>(rng_.below(3));
    exit.out_of_memory = rng_.chance(3);
    if (rng_.chance(15)) return;  // Runs until it is told to end.
    after_ms(0, rng_.chance(70) ? 5 : 3000, [this, shard, id, exit] { on_exit(shard, id, exit); });
}

void SimBackend::stop_and_go(ShardId shard, ProgramId id) {
    Program* running = program(shard, id);
    if (running == nullptr || running->phase != Run::running) return;
    running->is_stopped = !running->is_stopped;
    if (!running->is_stopped) return emit(supervisor::ProgramContinued{shard, id});
    emit(supervisor::ProgramStopped{shard, id, SIGSTOP});
    after_ms(0, 500, [this, shard, id] { stop_and_go(shard, id); });
}

void SimBackend::on_exit(ShardId shard, ProgramId id, ProgramExit exit) {
    Program* running = program(shard, id);
    if (running == nullptr || running->phase != Run::running) return;
    running->phase = Run::over;
    emit(supervisor::ProgramExited{shard, id, exit});
}

void SimBackend::signal_program(ShardId shard, ProgramId id, int signal_number) {
    Shard* known = living(shard, "signals");
    if (known == nullptr) return;
    if (signal_number < 1 || signal_number > 64) complain("a signal that is none");
    for (auto& [each, run] : known->programs) {
        if (id != ProgramId{} && id != each) continue;
        const bool ends = signal_number == SIGKILL || (signal_number == SIGTERM && rng_.chance(60));
        if (!ends) continue;
        ProgramExit exit;
        exit.signal_number = static_cast<std::uint8_t>(signal_number);
        const ProgramId program = each;
        after_ms(0, 3, [this, shard, program, exit] { on_exit(shard, program, exit); });
    }
}

void SimBackend::apply_limits(ShardId id, const ShardLimits& limits) {
    Shard* shard = living(id, "limits");
    if (shard == nullptr) return;
    if (shard->phase == Phase::preparing) complain("limits a shard that is not ready");
    if (limits.tmpfs_size_max_bytes != shard->spec.limits.tmpfs_size_max_bytes)
        complain("resizes a tmpfs");
    shard->limits_at =
        std::max(shard->limits_at, now_) + std::chrono::microseconds(rng_.below(900));
    const bool fails = rng_.chance(8);
    at(shard->limits_at, [this, id, fails] {
        if (!shards_.contains(id)) return;
        std::optional<Error> error;
        if (fails) error = Error{EBUSY, "simulated: write memory.max"};
        emit(supervisor::LimitsApplied{id, error});
    });
}

void SimBackend::prefetch_file(ShardId id, std::uint64_t request, const std::string& name) {
    Shard* shard = living(id, "prefetches for");
    if (shard == nullptr) return;
    if (shard->phase == Phase::preparing) complain("prefetches for a shard that is not ready");
    report_blob(request, name, false);
}

void SimBackend::load_blob(ShardId id, std::uint64_t request, const std::string& name) {
    prefetch_file(id, request, name);
}

void SimBackend::open_blob(std::uint64_t request, const std::string& name) {
    report_blob(request, name, true);
}

void SimBackend::report_blob(std::uint64_t request, const std::string& name, bool has_fd) {
    const bool fails = rng_.chance(10);
    after_ms(0, 20, [this, request, name, has_fd, fails] {
        supervisor::BlobReported reported{request, {}};
        reported.report.name = name;
        if (!fails) reported.report.outcome = BlobOutcome::prefetched;
        if (fails) reported.report.error = Error{EIO, "simulated: read a blob"};
        if (has_fd && !fails) reported.report.fd = ledger_.mint();
        emit(std::move(reported));
    });
}

void SimBackend::measure_status(ShardId id, std::uint64_t request) {
    Shard* shard = living(id, "measures");
    if (shard == nullptr) return;
    if (shard->phase == Phase::preparing) complain("measures a shard that is not ready");
    const bool fails = rng_.chance(10);
    after_ms(0, 3, [this, id, request, fails] {
        supervisor::StatusMeasured measured{id, request, {}, {}};
        measured.status.memory_current_bytes = 4096;
        if (fails) measured.error = Error{EIO, "simulated: read memory.current"};
        emit(std::move(measured));
    });
}

void SimBackend::destroy_shard(ShardId id) {
    Shard* shard = living(id, "destroys");
    if (shard == nullptr) return;
    shard->phase = Phase::destroying;
    if (rng_.chance(5))
        after_ms(0, 5, [this, id] {
            if (shards_.contains(id))
                emit(supervisor::ReclaimFailed{id, Error{EBUSY, "simulated: remove cgroup"}});
        });
    after_ms(0, rng_.chance(5) ? 800 : 4, [this, id] { on_destroyed(id); });
}

void SimBackend::on_destroyed(ShardId id) {
    Shard shard = std::move(shards_.at(id));
    shards_.erase(id);
    const bool tells_exits = rng_.chance(60);
    ProgramExit killed;
    killed.signal_number = SIGKILL;
    for (const auto& [program, run] : shard.programs)
        if (run.phase == Run::running && tells_exits)
            emit(supervisor::ProgramExited{id, program, killed});
    uids_.erase(shard.spec.uid);
    slices_.at(shard.spec.slice).erase(id);
    emit(supervisor::ShardReclaimed{id});
    // What was on its way already still arrives, descriptors included.
    for (const auto& [program, run] : shard.programs) {
        if (run.phase != Run::waiting || !rng_.chance(20)) continue;
        emit_started(id, program, run);
        emit(supervisor::ProgramExited{id, program, killed});
    }
}

void SimBackend::remove_slice(shard::SliceId slice) {
    if (!slices_.contains(slice)) return complain("removes a slice that is not there");
    if (!slices_.at(slice).empty()) complain("removes a slice with shards in it");
    slices_.erase(slice);
    removed_.insert(slice);
}

std::vector<supervisor::Event> SimBackend::advance(MonoTime now) {
    while (!effects_.empty() && effects_.begin()->first <= now) {
        auto effect = effects_.extract(effects_.begin());
        now_ = std::max(now_, effect.key());
        effect.mapped()();
    }
    now_ = now;
    return std::exchange(outbox_, {});
}

std::optional<MonoTime> SimBackend::next() const {
    if (effects_.empty()) return std::nullopt;
    return effects_.begin()->first;
}

}  // namespace shardrun::sim
