#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mono_time.h"
#include "shard/spec.h"
#include "shardrun/messages.h"
#include "supervisor/manager.h"
#include "supervisor/timers.h"

/// What the manager remembers of each client, slice, shard, program and request. Plain records: the
/// rules are in manager_*.cc.
namespace shardrun::supervisor {

/// Where the answer to a request goes.
struct Asker {
    ClientId client{};
    std::uint64_t correlation = 0;
};

struct ClientRecord {
    ClientId id{};
    PeerCredentials peer;
    std::string profile = "default";
    bool has_asked = false;                  ///< a session can be named no more
    bool is_closing = false;                 ///< CloseClient was said: it gets no frame any more
    std::optional<shard::SliceId> slice;     ///< where its next shard goes
    std::optional<std::uint64_t> lifecycle;  ///< correlation of its subscription
    std::optional<std::uint64_t> prefetch;   ///< the same, to what is prefetched
    std::set<ShardId> shards;                ///< its own, until they are destroyed
    std::set<ProgramId> programs;            ///< that it started, until they are over
    std::set<std::uint64_t> blobs;           ///< that it waits for
    std::uint32_t hints = 0;                 ///< among them
    std::size_t hint_bytes = 0;              ///< of their names
    std::uint32_t inflight = 0;              ///< resizes, measurements, releases and other blobs
};

struct SliceRecord {
    shard::SliceId id{};
    std::optional<ClientId> client;
    uid_t uid = 0;             ///< of the client; kept when it is gone
    std::set<ShardId> shards;  ///< all in it, parked and dying ones too
    std::uint32_t living = 0;  ///< clients' shards not yet destroyed
    std::optional<Timer> linger;
};

/// A resize that the backend has not confirmed yet, or the limits of a parked shard's new owner.
struct PendingLimits {
    std::optional<Asker> asker;  ///< none: the manager's own
    ShardLimits limits;          ///< all of them
};

struct PendingMeasure {
    std::uint64_t request = 0;
    Asker asker;
};

/// A blob, or a file of an image, that a client asked for and the backend has not reported yet.
struct BlobRequest {
    Asker asker;
    ShardId shard{};  ///< 0: for no shard, as a descriptor
    bool is_hint = false;
    std::string name;  ///< beginning with '/': a file of the shard's image
};

struct ShardRecord {
    shard::ShardSpec spec;
    shard::SliceId parked_for{};  ///< of a parked one: its kind's slice, or 0 for anybody
    ProgramId main_program{};     ///< of a one-shot: it ends with this; others may run beside it
    MonoTime asked_at;
    std::uint64_t prepare_us = 0;
    std::optional<Asker> asker;  ///< its owner's NewShard or Run; none when the owner is gone
    std::string profile;
    std::string cgroup;
    std::optional<std::string> reason;  ///< why it is on its way out
    std::set<ProgramId> programs;
    std::deque<PendingLimits> resizes;  ///< in the order the backend confirms them
    std::vector<PendingMeasure> measures;
    std::set<std::uint64_t> blobs;        ///< that somebody waits for in it
    std::vector<std::uint64_t> releases;  ///< that wait for its end
    std::optional<Timer> prepare_by;
    std::optional<Timer> idle_until;
    uid_t owner_uid = 0;
    pid_t init_pid = 0;
    std::uint32_t unenforced = 0;
    std::optional<std::uint32_t> reported_queue;
    std::optional<std::uint16_t> reported_load;
    ShardState state = ShardState::preparing;
    bool is_parked = false;    ///< nobody's yet: the warm pool's
    bool is_one_shot = false;  ///< of a Run without a shard
    bool is_prepared = false;
    bool is_warm = false;        ///< came from the warm pool
    bool is_answered = false;    ///< the NewShard it comes from got its reply
    bool is_destroying = false;  ///< DestroyShard was said
    bool is_out_of_memory = false;

    ShardId id() const { return spec.id; }
};

enum class ProgramState : std::uint8_t { waiting, running, stopped };

struct ProgramRecord {
    ProgramId id{};
    ShardId shard{};
    uid_t uid = 0;               ///< whose quota it counts in
    std::optional<Asker> asker;  ///< none when the client is gone
    ProgramState state = ProgramState::waiting;
    bool is_answered = false;  ///< its Run got a reply
    bool is_unwanted = false;  ///< killed as soon as it starts: nobody waits for it any more
    bool wants_pidfd = false;
    pid_t pid = 0;
    std::string name;           ///< argv[0]
    std::uint64_t signals = 0;  ///< bit n-1: signal n came before it started
    std::optional<Timer> start_by;
};

/// A Release that waits until its shards are gone.
struct ReleaseRecord {
    Asker asker;
    std::optional<ShardId> shard;
    std::uint32_t left = 0;
};

}  // namespace shardrun::supervisor
