#pragma once

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/admission.h"
#include "policy/permission.h"
#include "policy/uid_range.h"
#include "supervisor/manager.h"
#include "supervisor/records.h"
#include "supervisor/timers.h"
#include "supervisor/warm_pool.h"

namespace shardrun::supervisor {

/// So many resizes, measurements, releases and blobs one client may wait for at once.
inline constexpr std::uint32_t kInflightMax = 256;
/// So many hints, and bytes of their names, one connection may have in work: a program's start
/// opens some thousand files, and all their answers at once must fit what may be queued for a
/// client.
inline constexpr std::uint32_t kHintsMax = 16384;
inline constexpr std::size_t kHintBytesMax = std::size_t{4} << 20U;
/// So many spares are prepared at once, so that they stay behind the clients' own shards.
inline constexpr std::uint32_t kSparesPreparingMax = 2;
/// Clients get this long to take their last frames at the end of a drain.
inline constexpr std::chrono::seconds kGoodbye{2};

/// Why a client's shards and programs end with its connection.
inline const Error kGone{ECANCELED, "its client is gone"};

/// The manager's tables and rules. Each method group lives in the file named above it.
struct Manager::State {
    State(std::shared_ptr<const Config> configuration, std::uint32_t host_lacks);

    // ---- manager.cc ----
    std::vector<Action> step(MonoTime at, std::vector<Event> events);
    std::optional<MonoTime> next_deadline() const;
    void on_timer(const Timer& timer);
    void on(ConfigReloaded& event);

    // ---- manager_clients.cc ----
    void on(ClientConnected& event);
    void on(ClientFrame& event);
    void on(ClientGone& event);
    Result<void> admit(const PeerCredentials& peer);
    Result<void> ask(ClientRecord& client, ClientFrame& event);
    void close(ClientRecord& client);
    void leave_programs(ClientRecord& client);
    void leave_shards(ClientRecord& client);

    // ---- manager_requests.cc: sessions, new shards, programs ----
    using Fds = std::vector<shard::FdToken>;
    Result<void> ask(ClientRecord& client, Asker asker, ResourceRequest& request, Fds& fds);
    Result<void> ask(ClientRecord& client, Asker asker, ResourceRequest::Session& session);
    Result<void> ask(ClientRecord& client, Asker asker, ResourceRequest::NewShard& wish);
    Result<void> ask(ClientRecord& client, Asker asker, ResourceRequest::Run& run, Fds& fds);
    Result<void> run_in_new_shard(ClientRecord& client, Asker asker, ResourceRequest::Run& run,
                                  Fds& fds);
    Result<void> run_in(ClientRecord& client, Asker asker, ShardRecord& shard,
                        ResourceRequest::Run& run, Fds& fds);
    Result<ShardRecord*> find_shard(const ClientRecord& client, ShardId id);
    Result<ShardRecord*> find_living(const ClientRecord& client, ShardId id);
    Result<void> check_no_drain() const;
    std::uint32_t missing_controllers() const;

    // ---- manager_control.cc: what is asked about shards that are there ----
    Result<void> ask(ClientRecord& client, Asker asker, ResourceRequest::Signal& signal);
    Result<void> ask(ClientRecord& client, Asker asker, ResourceRequest::Release& release);
    Result<void> ask(ClientRecord& client, Asker asker, ResourceRequest::Resize& resize);
    Result<void> ask(ClientRecord& client, Asker asker, ResourceRequest::Subscribe& subscribe);
    Result<void> ask(ClientRecord& client, Asker asker, ResourceRequest::List& list);
    Result<void> ask(ClientRecord& client, Asker asker, ShardStatus& status);
    void on(LimitsApplied& event);
    void on(StatusMeasured& event);
    Result<void> take_inflight(ClientRecord& client);
    void end_inflight(const Asker& asker);
    void apply_resizes(ShardRecord& shard);
    void await_release(std::uint64_t release, ShardRecord& shard);
    void finish_release(std::uint64_t release, const ShardRecord& shard);

    // ---- manager_blobs.cc ----
    Result<void> ask(ClientRecord& client, Asker asker, ResourceRequest::Blob& blob);
    Result<void> ask(ClientRecord& client, Asker asker, ResourceAccess& access);
    Result<void> ask(ClientRecord& client, Asker asker, PrefetchRequest& hint);
    void on(BlobReported& event);
    void on(FileUsed& event);
    Result<void> take_hint(ClientRecord& client, std::size_t name_bytes);
    void await_blob(ClientRecord& client, ShardRecord* shard, BlobRequest request);
    void begin_blob(std::uint64_t id);
    BlobRequest take_blob(std::uint64_t id);
    void refuse_blobs(std::set<std::uint64_t>& asked, const Error& why);
    ShardId only_living(const SliceRecord& slice) const;

    // ---- manager_shards.cc ----
    Result<ShardRecord*> place(ClientRecord& client, Asker asker, shard::ShardSpec spec,
                               bool is_one_shot);
    Result<ShardRecord*> build(ClientRecord& client, shard::ShardSpec spec);
    ShardRecord& add_shard(shard::ShardSpec spec, uid_t owner_uid);
    void own(ClientRecord& client, ShardRecord& shard, Asker asker, bool is_one_shot);
    void await_idle(ShardRecord& shard);
    void on(ShardPrepared& event);
    void on(ShardFailed& event);
    void on(ShardDied& event);
    void on(ShardReclaimed& event);
    void on(ReclaimFailed& event);
    void fail_shard(ShardRecord& shard, const Error& error);
    void destroy(ShardRecord& shard, const Error& why);
    void refuse_waiting(ShardRecord& shard, const Error& why);
    void discount(ShardRecord& shard);
    void refuse_pending(ShardRecord& shard, const Error& why);
    void tell_end(const ShardRecord& shard, const Error& why);
    void forget(ShardRecord& shard);

    // ---- manager_slices.cc ----
    shard::SliceId slice_of(ClientRecord& client);
    shard::SliceId add_slice();
    void move_to_slice(ClientRecord& client, shard::SliceId slice);
    void leave_slice(ClientRecord& client);
    void leave_slice(shard::SliceId slice, ShardId shard);
    void on_linger_over(shard::SliceId id);

    // ---- manager_programs.cc ----
    void start_program(ClientRecord& client, Asker asker, ShardRecord& shard,
                       shard::ProgramSpec program, Fds& fds);
    void on(ProgramStarted& event);
    void on(ProgramFailed& event);
    void on(ProgramStopped& event);
    void on(ProgramContinued& event);
    void on(ProgramExited& event);
    void on_launch_overdue(ProgramRecord& program);
    void abandon(ProgramRecord& program, const Error& why);
    void tell_exit(ProgramRecord& program, const ProgramExit& exit);
    void forget(ProgramRecord& program);
    void after_program(ShardId shard);
    void send_signals(ProgramRecord& program);
    ProgramRecord* find_program(ShardId shard, ProgramId program);

    // ---- manager_pool.cc ----
    ShardRecord* take_parked(ClientRecord& client, const shard::ShardSpec& wish);
    void adopt(ClientRecord& client, ShardRecord& shard, const shard::ShardSpec& wish);
    void tend_pool();
    bool prepare_spare(const shard::ShardSpec& kind);
    void on_spare_ready(ShardRecord& shard);
    void leave_pool(ShardRecord& shard);
    void empty_pool(const Error& why);
    void empty_pool_of(const SliceRecord& slice, const Error& why);
    void on_spare_failed();
    void watch_default_kind();

    // ---- manager_drain.cc ----
    void on(DrainRequested& event);
    void drain_shard(ShardRecord& shard);
    void destroy_all();
    void finish_if_done();

    // ---- manager_replies.cc ----
    void send(ClientId client, Frame frame, Fds fds = {});
    void discard(const Fds& fds);
    void reply(const Asker& asker, Message message, Fds fds = {}, bool is_last = true);
    void reply_error(const Asker& asker, MessageType type, const Error& error);
    void tell(const std::optional<Asker>& asker, Message message);
    void publish(const ShardRecord& shard, const ShardAssignment& assignment);
    ShardAssignment describe(const ShardRecord& shard, AssignmentKind kind) const;
    ShardAssignment list_row(const ShardRecord& shard) const;
    void note(int level, std::string line);

    // ---- manager_invariants.cc ----
    struct Audit;
    std::vector<std::string> broken_invariants() const;

    // ---- shared lookups ----
    policy::Grant grant(uid_t uid) const;
    ClientRecord* find_client(ClientId id);
    ShardRecord* find_record(ShardId id);
    /// A uid without use has no entry: `drop_unused` after it fell.
    policy::UidUse& use(uid_t uid) { return uses[uid]; }
    void drop_unused(uid_t uid);
    std::vector<ShardId> all_shards() const;

    std::shared_ptr<const Config> config;
    std::uint32_t host_unenforced = 0;
    MonoTime now;
    std::vector<Action> actions;

    std::unordered_map<ClientId, ClientRecord> clients;
    std::unordered_map<shard::SliceId, SliceRecord> slices;
    std::unordered_map<ShardId, ShardRecord> shards;
    std::unordered_map<ProgramId, ProgramRecord> programs;
    std::unordered_map<std::uint64_t, ReleaseRecord> releases;
    std::unordered_map<uid_t, policy::UidUse> uses;
    std::unordered_map<std::uint64_t, BlobRequest> blobs;
    std::set<ClientId> subscribers;  ///< to lifecycle signals
    std::set<ClientId> watchers;     ///< of what is prefetched

    policy::UidRange uids;
    policy::HostUse host;
    Timers timers;

    WarmPool pool;
    std::optional<MonoTime> pool_at;  ///< when the pool is to be looked after
    MonoTime pool_not_before;         ///< no spare earlier: the last ones failed
    std::uint32_t pool_failures = 0;  ///< in a row

    bool is_draining = false;
    bool is_closing = false;  ///< all shards are gone, clients get their last frames
    bool is_finished = false;
    std::optional<Timer> drain_by;
    std::optional<Timer> goodbye_by;

    std::uint64_t last_slice = 0;
    std::uint64_t last_shard = 0;
    std::uint64_t last_program = 0;
    std::uint64_t last_release = 0;
    std::uint64_t last_measure = 0;
    std::uint64_t last_blob = 0;
};

}  // namespace shardrun::supervisor
