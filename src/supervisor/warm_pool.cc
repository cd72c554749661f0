#include "supervisor/warm_pool.h"

#include <algorithm>
#include <functional>

namespace shardrun::supervisor {

namespace {

/// Says whether a limit is set, not how high it is: what is absent in one and set in the other
/// would have to be lifted, not changed.
template <class T>
void blank(std::optional<T>& value) {
    if (value) value = T{};
}

ShardLimits shape_of(const ShardLimits& limits) {
    ShardLimits shape = limits;  // io_max and the tmpfs size stay: they must be equal.
    blank(shape.cpu_max_millicores);
    blank(shape.cpu_weight);
    blank(shape.cpuset_cpus);
    blank(shape.memory_high_bytes);
    blank(shape.memory_max_bytes);
    blank(shape.memory_swap_max_bytes);
    blank(shape.pids_max);
    blank(shape.io_weight);
    shape.files_max.reset();  // Belongs to the programs, not to the shard.
    return shape;
}

std::size_t mix(std::size_t seed, std::size_t value) {
    return (seed ^ value) * std::size_t{0x9e3779b97f4a7c15U};
}

}  // namespace

shard::ShardSpec kind_of(const shard::ShardSpec& spec, shard::SliceId slice) {
    shard::ShardSpec kind = spec;
    kind.id = ShardId{};
    kind.uid = 0;
    kind.slice = slice;
    kind.limits = shape_of(spec.limits);
    return kind;
}

std::size_t KindHash::operator()(const shard::ShardSpec& kind) const {
    std::size_t hash = mix(static_cast<std::size_t>(kind.slice), kind.capabilities);
    hash = mix(hash, std::hash<std::string>{}(kind.hostname));
    hash = mix(hash, std::hash<std::string>{}(kind.seccomp_profile));
    hash = mix(hash, kind.limits.tmpfs_size_max_bytes.value_or(0));
    return mix(hash, static_cast<std::size_t>(kind.network) * 4 + (kind.user_namespace ? 2U : 0U) +
                         (kind.keeps_spare ? 1U : 0U));
}

WarmPool::Kind* WarmPool::find(const shard::ShardSpec& kind) {
    const auto found = kinds_.find(kind);
    return found == kinds_.end() ? nullptr : &found->second;
}

WarmPool::Kind* WarmPool::find_or_watch(const shard::ShardSpec& kind, MonoTime now) {
    if (Kind* known = find(kind)) return known;
    if (kinds_.size() >= kWarmKindsMax) forget_idle(now);
    if (kinds_.size() >= kWarmKindsMax) return nullptr;
    Kind& watched = kinds_.emplace(kind, Kind(config_.memory)).first->second;
    watched.serial = next_serial_++;
    return &watched;
}

void WarmPool::forget_idle(MonoTime now) {
    std::erase_if(kinds_, [&](const auto& entry) {
        const Kind& kind = entry.second;
        return wanted(kind, now) == 0 && kind.parked.empty() && kind.preparing == 0;
    });
}

void WarmPool::on_wish(const shard::ShardSpec& wish, MonoTime now) {
    if (config_.shards_max == 0) return;
    Kind* kind = find_or_watch(kind_of(wish, wish.slice), now);
    if (kind == nullptr) return;
    kind->demand.on_wish(now);
    kind->limits = wish.limits;
}

std::optional<ShardId> WarmPool::take(const shard::ShardSpec& wish) {
    if (parked_ == 0) return std::nullopt;
    Kind* kind = find(kind_of(wish, wish.slice));
    if (kind == nullptr || kind->parked.empty()) return std::nullopt;
    const ShardId shard = kind->parked.back();
    kind->parked.pop_back();
    --parked_;
    return shard;
}

void WarmPool::on_preparing(const shard::ShardSpec& kind) {
    Kind* known = find(kind);
    if (known == nullptr) return;
    ++known->preparing;
    ++preparing_;
}

void WarmPool::on_not_prepared(const shard::ShardSpec& kind) {
    Kind* known = find(kind);
    if (known == nullptr || known->preparing == 0) return;
    --known->preparing;
    --preparing_;
}

bool WarmPool::on_parked(const shard::ShardSpec& kind, ShardId shard) {
    Kind* known = find(kind);
    if (known == nullptr) return false;
    on_not_prepared(kind);
    known->parked.push_back(shard);
    ++parked_;
    return true;
}

void WarmPool::on_lost(const shard::ShardSpec& kind, ShardId shard) {
    Kind* known = find(kind);
    if (known == nullptr) return;
    parked_ -= static_cast<std::uint32_t>(std::erase(known->parked, shard));
}

std::uint32_t WarmPool::wanted(const Kind& kind, MonoTime now) const {
    return std::max(kind.least, kind.demand.wanted(now));
}

std::vector<WarmPool::Target> WarmPool::targets(MonoTime now) const {
    std::vector<Target> targets;
    targets.reserve(kinds_.size());
    for (const auto& [spec, kind] : kinds_) targets.push_back({&spec, &kind, wanted(kind, now)});
    std::sort(targets.begin(), targets.end(),
              [](const Target& a, const Target& b) { return a.kind->serial < b.kind->serial; });
    std::vector<std::uint32_t> wishes;
    wishes.reserve(targets.size());
    for (const Target& target : targets) wishes.push_back(target.shards);
    const std::vector<std::uint32_t> shares = policy::share_pool(wishes, config_.shards_max);
    for (std::size_t i = 0; i < targets.size(); ++i) targets[i].shards = shares[i];
    return targets;
}

std::vector<ShardId> WarmPool::take_surplus(MonoTime now) {
    std::vector<ShardId> surplus;
    forget_idle(now);  // So that only kinds in demand are looked through each time.
    for (const Target& target : targets(now)) {
        Kind& kind = *find(*target.spec);
        while (kind.parked.size() > target.shards) {
            surplus.push_back(kind.parked.front());
            kind.parked.erase(kind.parked.begin());
            --parked_;
        }
    }
    return surplus;
}

std::optional<shard::ShardSpec> WarmPool::lacking(MonoTime now) const {
    if (parked_ + preparing_ >= config_.shards_max) return std::nullopt;
    std::optional<shard::ShardSpec> most_lacking;
    std::size_t most = 0;
    for (const Target& target : targets(now)) {
        const std::size_t has = target.kind->parked.size() + target.kind->preparing;
        if (target.shards <= has + most) continue;
        most = target.shards - has;
        most_lacking = *target.spec;
        most_lacking->limits = target.kind->limits;
    }
    return most_lacking;
}

std::optional<MonoTime> WarmPool::next_change(MonoTime now) const {
    std::optional<MonoTime> next;
    if (parked_ == 0) return next;  // Nothing to take away: no reason to wake up.
    for (const auto& [spec, kind] : kinds_) {
        const std::optional<MonoTime> change = kind.demand.next_change(now);
        if (change) next = std::min(next.value_or(*change), *change);
    }
    return next;
}

void WarmPool::forget_slice(shard::SliceId slice) {
    std::erase_if(kinds_, [&](const auto& entry) {
        if (entry.first.slice != slice) return false;
        parked_ -= static_cast<std::uint32_t>(entry.second.parked.size());
        preparing_ -= entry.second.preparing;
        return true;
    });
}

void WarmPool::forget_all() {
    kinds_.clear();
    parked_ = 0;
    preparing_ = 0;
}

void WarmPool::set_default_kind(const shard::ShardSpec& kind) {
    if (config_.shards_max == 0 || config_.shards_min == 0) return;
    Kind* watched = find_or_watch(kind_of(kind, shard::SliceId{}), MonoTime{});
    if (watched == nullptr) return;
    watched->least = config_.shards_min;
    watched->limits = kind.limits;
}

bool WarmPool::holds(ShardId shard) const {
    return std::any_of(kinds_.begin(), kinds_.end(), [&](const auto& entry) {
        const std::vector<ShardId>& parked = entry.second.parked;
        return std::find(parked.begin(), parked.end(), shard) != parked.end();
    });
}

}  // namespace shardrun::supervisor
