#include <utility>

#include "base/fail.h"
#include "supervisor/manager_state.h"

/// Slices: made with a client's first shard or for a spare, handed over with it, gone when empty.
namespace shardrun::supervisor {

shard::SliceId Manager::State::add_slice() {
    const shard::SliceId id{++last_slice};
    slices[id].id = id;
    return id;
}

shard::SliceId Manager::State::slice_of(ClientRecord& client) {
    if (client.slice) return *client.slice;
    const shard::SliceId id = add_slice();
    slices.at(id).client = client.id;
    slices.at(id).uid = client.peer.uid;
    client.slice = id;
    return id;
}

void Manager::State::move_to_slice(ClientRecord& client, shard::SliceId id) {
    if (client.slice) {
        // What is left in the old one is on its way out, or parked for nobody now.
        SliceRecord& old = slices.at(*client.slice);
        old.client.reset();
        empty_pool_of(old, Error{ECANCELED, "its client moved"});
    }
    SliceRecord& slice = slices.at(id);
    slice.client = client.id;
    slice.uid = client.peer.uid;
    client.slice = id;
}

void Manager::State::leave_slice(ClientRecord& client) {
    if (!client.slice) return;
    SliceRecord& slice = slices.at(*client.slice);
    slice.client.reset();
    client.slice.reset();
    if (slice.living > 0)
        timers.set(slice.linger, {now + config->shard.linger, TimerKind::linger,
                                  static_cast<std::uint64_t>(slice.id)});
    empty_pool_of(slice, kGone);
}

void Manager::State::on_linger_over(shard::SliceId id) {
    SliceRecord& slice = slices.at(id);
    slice.linger.reset();
    const std::set<ShardId> left = slice.shards;
    for (const ShardId shard : left) destroy(shards.at(shard), kGone);
}

void Manager::State::leave_slice(shard::SliceId id, ShardId shard) {
    SliceRecord& slice = slices.at(id);
    slice.shards.erase(shard);
    if (!slice.shards.empty()) return;
    timers.cancel(slice.linger);
    pool.forget_slice(id);
    if (slice.client) clients.at(*slice.client).slice.reset();
    actions.emplace_back(RemoveSlice{id});
    slices.erase(id);
}

}  // namespace shardrun::supervisor
