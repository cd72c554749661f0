#include <algorithm>
#include <map>

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

std::vector<std::string> Manager::State::broken_invariants() const {
    Sentences broken;
    std::map<uid_t, std::uint32_t> shard_uids;
    std::map<uid_t, policy::UidUse> counted;
    std::map<shard::SliceId, std::uint32_t> living;
    policy::HostUse on_host;
    std::size_t parked = 0;
    std::size_t timers_held = (drain_by ? 1U : 0U) + (goodbye_by ? 1U : 0U);

    for (const auto& [id, shard] : shards) {
        expect(broken, shard.id() == id, "shard {} is filed as {}", number(shard.id()), number(id));
        expect(broken, ++shard_uids[shard.spec.uid] == 1, "uid {} is used by two shards",
               shard.spec.uid);
        expect(broken, uids.is_taken(shard.spec.uid), "uid {} of shard {} is free", shard.spec.uid,
               number(id));
        const auto slice = slices.find(shard.spec.slice);
        expect(broken, slice != slices.end() && slice->second.shards.contains(id),
               "shard {} is in no slice", number(id));
        timers_held += (shard.prepare_by ? 1U : 0U) + (shard.idle_until ? 1U : 0U);
        expect(broken, shard.state != ShardState::reclaimed, "shard {} outlives its reclaim",
               number(id));
        for (const ProgramId program : shard.programs)
            expect(broken, programs.contains(program) && programs.at(program).shard == id,
                   "program {} of shard {} is not there", number(program), number(id));
        if (shard.is_parked) {
            parked += shard.is_destroying ? 0U : 1U;
            expect(broken, shard.programs.empty(), "parked shard {} runs something", number(id));
            expect(broken, !shard.asker, "parked shard {} has an owner", number(id));
            const bool is_ready = shard.is_prepared && !shard.is_destroying;
            expect(broken, pool.holds(id) == is_ready, "parked shard {} and the pool disagree",
                   number(id));
            continue;
        }
        expect(broken, !pool.holds(id), "shard {} is a client's and in the pool", number(id));
        ++on_host.shards;
        policy::UidUse& owner = counted[shard.owner_uid];
        ++(shard.is_destroying ? owner.reclaiming : owner.shards);
        if (shard.is_destroying) continue;
        ++living[shard.spec.slice];
        const bool is_linked = !shard.asker || !clients.contains(shard.asker->client) ||
                               clients.at(shard.asker->client).shards.contains(id);
        expect(broken, is_linked, "shard {} is not among its owner's", number(id));
    }
    for (const auto& [id, slice] : slices) {
        expect(broken, !slice.shards.empty(), "slice {} is empty", number(id));
        for (const ShardId shard : slice.shards)
            expect(broken, shards.contains(shard) && shards.at(shard).spec.slice == id,
                   "slice {} names shard {}, which is not in it", number(id), number(shard));
        expect(broken, slice.living == living[id], "slice {} counts {} living shards, {} are",
               number(id), slice.living, living[id]);
        timers_held += slice.linger ? 1U : 0U;
        const bool is_owned = !slice.client || (clients.contains(*slice.client) &&
                                                clients.at(*slice.client).slice == id);
        expect(broken, is_owned, "slice {} and its client disagree", number(id));
    }
    for (const auto& [id, program] : programs) {
        const auto shard = shards.find(program.shard);
        expect(broken, shard != shards.end() && shard->second.programs.contains(id),
               "program {} is in no shard", number(id));
        ++counted[program.uid].programs;
        timers_held += program.start_by ? 1U : 0U;
    }
    for (const auto& [id, client] : clients) {
        ++counted[client.peer.uid].connections;
        ++on_host.connections;
        for (const ShardId shard : client.shards)
            expect(broken, shards.contains(shard), "a client has shard {}, which is gone",
                   number(shard));
        for (const ProgramId program : client.programs)
            expect(broken, programs.contains(program), "a client has program {}, which is gone",
                   number(program));
        expect(broken, !client.slice || slices.contains(*client.slice),
               "a client has a slice that is gone");
        expect(broken, client.lifecycle.has_value() == subscribers.contains(id),
               "a client's subscription is half there");
    }
    for (const auto& [uid, now_used] : uses) {
        const policy::UidUse& is = counted[uid];
        expect(broken,
               is.connections == now_used.connections && is.shards == now_used.shards &&
                   is.reclaiming == now_used.reclaiming && is.programs == now_used.programs,
               "uid {} is charged for {} connections, {} + {} shards, {} programs, but has {}, {} "
               "+ {}, {}",
               uid, now_used.connections, now_used.shards, now_used.reclaiming, now_used.programs,
               is.connections, is.shards, is.reclaiming, is.programs);
        counted.erase(uid);
    }
    for (const auto& [uid, is] : counted)
        expect(broken, is.connections + is.shards + is.reclaiming + is.programs == 0,
               "uid {} is charged for nothing and has something", uid);
    expect(broken, on_host.shards == host.shards, "{} shards are counted, {} are", host.shards,
           on_host.shards);
    expect(broken, on_host.connections == host.connections, "{} connections are counted, {} are",
           host.connections, on_host.connections);
    expect(broken, uids.taken() == shards.size(), "{} uids are taken by {} shards", uids.taken(),
           shards.size());
    expect(broken, parked <= config->warm_pool.shards_max, "{} shards are parked, {} may be",
           parked, config->warm_pool.shards_max);
    expect(broken, parked == pool.parked() + pool.preparing(), "{} spares, the pool counts {} + {}",
           parked, pool.parked(), pool.preparing());
    expect(broken, timers.size() == timers_held, "{} timers run, {} are waited for", timers.size(),
           timers_held);
    return broken;
}

}  // namespace shardrun::supervisor
