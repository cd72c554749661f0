#include <map>
#include <utility>

#include "base/fail.h"
#include "supervisor/manager_state.h"

/// What must hold after every step, counted anew from the records.
namespace shardrun::supervisor {

namespace {

using Sentences = std::vector<std::string>;

template <class... Args>
void expect(Sentences& broken, bool holds, fmt::format_string<Args...> format, Args&&... args) {
    if (!holds) broken.push_back(fmt::format(format, std::forward<Args>(args)...));
}

std::uint64_t number(ShardId id) {
    return static_cast<std::uint64_t>(id);
}
std::uint64_t number(ProgramId id) {
    return static_cast<std::uint64_t>(id);
}
std::uint64_t number(shard::SliceId id) {
    return static_cast<std::uint64_t>(id);
}

}  // namespace

/// One count of everything, to be held against what the manager believes.
struct Manager::State::Audit {
    explicit Audit(const State& audited) : state(audited) {}

    void check_shard(const ShardRecord& shard);
    void check_parked(const ShardRecord& shard);
    void check_owned(const ShardRecord& shard);
    void check_slice(const SliceRecord& slice);
    void check_program(const ProgramRecord& program);
    void check_client(const ClientRecord& client);
    void check_blobs_of(const ClientRecord& client);
    void check_blob(std::uint64_t id, const BlobRequest& request);
    void check_uses();
    void check_totals();

    const State& state;
    Sentences broken;
    std::map<uid_t, std::uint32_t> shards_of_uid;
    std::map<uid_t, policy::UidUse> uses;
    std::map<shard::SliceId, std::uint32_t> living;
    policy::HostUse host;
    std::size_t parked = 0;
    std::size_t timers = 0;
};

void Manager::State::Audit::check_shard(const ShardRecord& shard) {
    const uid_t uid = shard.spec.uid;
    const std::uint64_t id = number(shard.id());
    expect(broken, ++shards_of_uid[uid] == 1, "uid {} is used by two shards", uid);
    expect(broken, state.uids.is_taken(uid), "uid {} of shard {} is free", uid, id);
    expect(broken, shard.state != ShardState::reclaimed, "shard {} outlives its reclaim", id);
    const auto slice = state.slices.find(shard.spec.slice);
    expect(broken, slice != state.slices.end() && slice->second.shards.contains(shard.id()),
           "shard {} is in no slice", id);
    for (const std::uint64_t blob : shard.blobs)
        expect(broken, state.blobs.contains(blob), "shard {} waits for blob {}, which is gone", id,
               blob);
    for (const ProgramId program : shard.programs)
        expect(broken, state.programs.contains(program), "program {} of shard {} is not there",
               number(program), id);
    timers += (shard.prepare_by ? 1U : 0U) + (shard.idle_until ? 1U : 0U);
    shard.is_parked ? check_parked(shard) : check_owned(shard);
}

void Manager::State::Audit::check_parked(const ShardRecord& shard) {
    const std::uint64_t id = number(shard.id());
    parked += shard.is_destroying ? 0U : 1U;
    expect(broken, shard.programs.empty(), "parked shard {} runs something", id);
    expect(broken, !shard.asker, "parked shard {} has an owner", id);
    expect(broken, state.pool.holds(shard.id()) == (shard.is_prepared && !shard.is_destroying),
           "parked shard {} and the pool disagree", id);
}

void Manager::State::Audit::check_owned(const ShardRecord& shard) {
    const std::uint64_t id = number(shard.id());
    expect(broken, !state.pool.holds(shard.id()), "shard {} is a client's and in the pool", id);
    ++host.shards;
    policy::UidUse& owner = uses[shard.owner_uid];
    ++(shard.is_destroying ? owner.reclaiming : owner.shards);
    if (shard.is_destroying) return;
    ++living[shard.spec.slice];
    expect(broken,
           !shard.asker || state.clients.at(shard.asker->client).shards.contains(shard.id()),
           "shard {} is not among its owner's", id);
}

void Manager::State::Audit::check_slice(const SliceRecord& slice) {
    const std::uint64_t id = number(slice.id);
    expect(broken, !slice.shards.empty(), "slice {} is empty", id);
    for (const ShardId shard : slice.shards)
        expect(broken,
               state.shards.contains(shard) && state.shards.at(shard).spec.slice == slice.id,
               "slice {} names shard {}, which is not in it", id, number(shard));
    expect(broken, slice.living == living[slice.id], "slice {} counts {} living shards, {} are", id,
           slice.living, living[slice.id]);
    expect(broken, !slice.client || state.clients.at(*slice.client).slice == slice.id,
           "slice {} and its client disagree", id);
    timers += slice.linger ? 1U : 0U;
}

void Manager::State::Audit::check_program(const ProgramRecord& program) {
    const auto shard = state.shards.find(program.shard);
    expect(broken, shard != state.shards.end() && shard->second.programs.contains(program.id),
           "program {} is in no shard", number(program.id));
    ++uses[program.uid].programs;
    timers += program.start_by ? 1U : 0U;
}

void Manager::State::Audit::check_client(const ClientRecord& client) {
    ++uses[client.peer.uid].connections;
    ++host.connections;
    const auto id = static_cast<std::uint64_t>(client.id);
    for (const ShardId shard : client.shards)
        expect(broken, state.shards.contains(shard), "client {} has shard {}, which is gone", id,
               number(shard));
    for (const ProgramId program : client.programs)
        expect(broken, state.programs.contains(program), "client {} has program {}, which is gone",
               id, number(program));
    expect(broken, !client.slice || state.slices.contains(*client.slice),
           "client {} has a slice that is gone", id);
    expect(broken, client.lifecycle.has_value() == state.subscribers.contains(client.id),
           "the subscription of client {} is half there", id);
    expect(broken, client.prefetch.has_value() == state.watchers.contains(client.id),
           "client {} half watches what is prefetched", id);
    check_blobs_of(client);
}

void Manager::State::Audit::check_blobs_of(const ClientRecord& client) {
    const auto id = static_cast<std::uint64_t>(client.id);
    std::uint32_t hints = 0;
    std::size_t hint_bytes = 0;
    for (const std::uint64_t blob : client.blobs) {
        const auto found = state.blobs.find(blob);
        if (found == state.blobs.end()) {
            expect(broken, false, "client {} waits for blob {}, which is gone", id, blob);
        } else if (found->second.is_hint) {
            ++hints;
            hint_bytes += found->second.name.size();
        }
    }
    expect(broken, client.hints == hints && client.hint_bytes == hint_bytes,
           "client {} is charged for {} hints of {} bytes, but has {} of {}", id, client.hints,
           client.hint_bytes, hints, hint_bytes);
}

void Manager::State::Audit::check_blob(std::uint64_t id, const BlobRequest& request) {
    const auto client = state.clients.find(request.asker.client);
    expect(broken, client != state.clients.end() && client->second.blobs.contains(id),
           "nobody waits for blob {}", id);
    if (request.shard == ShardId{}) return;
    const auto shard = state.shards.find(request.shard);
    expect(broken,
           shard != state.shards.end() && !shard->second.is_destroying &&
               shard->second.blobs.contains(id),
           "blob {} is for shard {}, which does not live", id, number(request.shard));
}

/// Every uid is charged for what it has, and those without anything are forgotten.
void Manager::State::Audit::check_uses() {
    for (const auto& [uid, charged] : state.uses) {
        expect(broken, charged == uses[uid],
               "uid {} is charged for {} connections, {} + {} shards, {} programs, but has {}, {} "
               "+ {}, {}",
               uid, charged.connections, charged.shards, charged.reclaiming, charged.programs,
               uses[uid].connections, uses[uid].shards, uses[uid].reclaiming, uses[uid].programs);
        expect(broken, charged != policy::UidUse{}, "uid {} has nothing and is remembered", uid);
        uses.erase(uid);
    }
    for (const auto& [uid, has] : uses)
        expect(broken, has == policy::UidUse{}, "uid {} is not charged for what it has", uid);
}

void Manager::State::Audit::check_totals() {
    expect(broken, host.shards == state.host.shards, "{} shards are counted, {} are",
           state.host.shards, host.shards);
    expect(broken, host.connections == state.host.connections, "{} connections are counted, {} are",
           state.host.connections, host.connections);
    expect(broken, state.uids.taken() == state.shards.size(), "{} uids are taken by {} shards",
           state.uids.taken(), state.shards.size());
    expect(broken, parked <= state.config->warm_pool.shards_max, "{} shards are parked, {} may be",
           parked, state.config->warm_pool.shards_max);
    expect(broken, parked == state.pool.parked() + state.pool.preparing(),
           "{} spares, the pool counts {} + {}", parked, state.pool.parked(),
           state.pool.preparing());
    timers += (state.drain_by ? 1U : 0U) + (state.goodbye_by ? 1U : 0U);
    expect(broken, state.timers.size() == timers, "{} timers run, {} are waited for",
           state.timers.size(), timers);
}

std::vector<std::string> Manager::State::broken_invariants() const {
    Audit audit(*this);
    for (const auto& [id, shard] : shards) audit.check_shard(shard);
    for (const auto& [id, slice] : slices) audit.check_slice(slice);
    for (const auto& [id, program] : programs) audit.check_program(program);
    for (const auto& [id, client] : clients) audit.check_client(client);
    for (const auto& [id, request] : blobs) audit.check_blob(id, request);
    audit.check_uses();
    audit.check_totals();
    return std::move(audit.broken);
}

}  // namespace shardrun::supervisor
