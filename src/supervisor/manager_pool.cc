#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/fail.h"
#include "policy/shard_limits.h"
#include "supervisor/manager_state.h"
#include "supervisor/wishes.h"

/// Parked shards: handing them out on the hot path, making and removing them off it.
namespace shardrun::supervisor {

namespace {

constexpr std::chrono::milliseconds kBackoffFirst{250};
constexpr unsigned kBackoffDoublingsMax = 8;  // About a minute.
// Whoever took a parked shard has the processors to itself at first: making the next one keeps one
// of them busy for longer than a short program runs.
constexpr std::chrono::milliseconds kRefillDelay{3};

bool needs_write(const ShardLimits& parked, const ShardLimits& wished) {
    ShardLimits same = parked;
    same.files_max = wished.files_max;  // Belongs to the programs, not to the shard.
    return same != wished;
}

}  // namespace

/// In the slice the client has, if that is in use; else whatever lies ready for anybody, whose
/// slice becomes the client's.
ShardRecord* Manager::State::take_parked(ClientRecord& client, const shard::ShardSpec& asked) {
    // A parked one would show the image as it was then: its name may mean another one by now.
    if (!asked.image.empty()) return nullptr;
    shard::ShardSpec wish = asked;
    wish.slice = client.slice.value_or(shard::SliceId{});
    const bool is_bound = client.slice && slices.at(*client.slice).living > 0;
    std::optional<ShardId> parked = client.slice ? pool.take(wish) : std::nullopt;
    if (!parked && !is_bound) {
        wish.slice = shard::SliceId{};
        parked = pool.take(wish);
    }
    pool.on_wish(wish, now);
    if (pool.config().shards_max > 0) {
        const MonoTime refill_at = parked ? now + kRefillDelay : now;
        pool_at = std::min(pool_at.value_or(refill_at), refill_at);
    }
    if (!parked) return nullptr;
    ShardRecord& shard = shards.at(*parked);
    adopt(client, shard, asked);
    return &shard;
}

void Manager::State::adopt(ClientRecord& client, ShardRecord& shard, const shard::ShardSpec& wish) {
    if (client.slice != shard.spec.slice) move_to_slice(client, shard.spec.slice);
    shard.is_parked = false;
    shard.is_warm = true;
    shard.prepare_us = 0;
    shard.asked_at = now;
    if (needs_write(shard.spec.limits, wish.limits)) {
        shard.resizes.push_back(PendingLimits{std::nullopt, wish.limits});
        actions.emplace_back(ApplyLimits{shard.id(), wish.limits});
    }
    shard.spec.limits.files_max = wish.limits.files_max;
}

void Manager::State::tend_pool() {
    pool_at.reset();
    if (is_draining) return;
    for (const ShardId id : pool.take_surplus(now))
        destroy(shards.at(id), Error{ECANCELED, "it is not wanted any more"});
    while (now >= pool_not_before && pool.preparing() < kSparesPreparingMax) {
        const std::optional<shard::ShardSpec> kind = pool.lacking(now);
        if (!kind || !prepare_spare(*kind)) break;
    }
    pool_at = pool.next_change(now);
    if (now < pool_not_before && pool.lacking(now))
        pool_at = std::min(pool_at.value_or(pool_not_before), pool_not_before);
}

/// False when there is no uid for it: clients come first.
bool Manager::State::prepare_spare(const shard::ShardSpec& kind) {
    const std::optional<uid_t> uid = uids.take();
    if (!uid) return false;
    shard::ShardSpec spec = kind;
    spec.uid = *uid;
    if (kind.slice == shard::SliceId{}) spec.slice = add_slice();
    ShardRecord& shard = add_shard(std::move(spec), 0);
    shard.is_parked = true;
    shard.parked_for = kind.slice;
    pool.on_preparing(kind_of(shard.spec, shard.parked_for));
    actions.emplace_back(PrepareShard{shard.spec});
    return true;
}

void Manager::State::on_spare_ready(ShardRecord& shard) {
    pool_failures = 0;
    if (!pool.on_parked(kind_of(shard.spec, shard.parked_for), shard.id()))
        return destroy(shard, Error{ECANCELED, "its kind is forgotten"});
    pool_at = now;
}

void Manager::State::leave_pool(ShardRecord& shard) {
    const shard::ShardSpec kind = kind_of(shard.spec, shard.parked_for);
    if (shard.is_prepared)
        pool.on_lost(kind, shard.id());
    else
        pool.on_not_prepared(kind);
    if (!is_draining) pool_at = std::min(pool_at.value_or(now), now);
}

void Manager::State::on_spare_failed() {
    const unsigned doublings = std::min(pool_failures++, kBackoffDoublingsMax);
    pool_not_before = now + kBackoffFirst * (1U << doublings);
}

void Manager::State::watch_default_kind() {
    const shard::ShardSpec kind = default_shard(*config);
    // What no client would be granted is not kept ready either.
    if (policy::check_controllers(kind.limits, missing_controllers())) pool.set_default_kind(kind);
}

void Manager::State::empty_pool(const Error& why) {
    for (const ShardId id : all_shards())
        if (shards.at(id).is_parked) destroy(shards.at(id), why);
    pool.forget_all();
}

void Manager::State::empty_pool_of(const SliceRecord& slice, const Error& why) {
    const std::set<ShardId> in_it = slice.shards;
    for (const ShardId id : in_it)
        if (shards.at(id).is_parked) destroy(shards.at(id), why);
    pool.forget_slice(slice.id);
}

}  // namespace shardrun::supervisor
