#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/mono_time.h"
#include "policy/warm_demand.h"
#include "shard/spec.h"
#include "supervisor/config.h"

namespace shardrun::supervisor {

/// So many kinds of shard are watched at once; demand for further ones is not learned until some
/// are forgotten.
inline constexpr std::size_t kWarmKindsMax = 256;

/// What makes two shards exchangeable: the spec without id, uid and the limits that ApplyLimits
/// can write afterwards. The slice is 0 for parked shards that wait in a slice of their own for
/// whoever comes first.
shard::ShardSpec kind_of(const shard::ShardSpec& spec, shard::SliceId slice);

struct KindHash {
    std::size_t operator()(const shard::ShardSpec& kind) const;
};

/// Which shards lie ready, of which kind, and how many should. Knows ids only; the manager makes
/// and destroys the shards.
class WarmPool {
 public:
    explicit WarmPool(const Config::WarmPool& config) : config_(config) {}

    /// Counts a wish. `wish.slice` is the slice it must be in, or 0.
    void on_wish(const shard::ShardSpec& wish, MonoTime now);
    /// A parked shard of that kind, the freshest, which is the warmest in the CPU's caches; it is
    /// in the pool no longer.
    std::optional<ShardId> take(const shard::ShardSpec& wish);
    /// A shard of that kind (its spec with slice 0 or the client's) is being prepared …
    void on_preparing(const shard::ShardSpec& kind);
    /// … and will not lie ready …
    void on_not_prepared(const shard::ShardSpec& kind);
    /// … or does. False: its kind is forgotten, nobody wants it.
    bool on_parked(const shard::ShardSpec& kind, ShardId shard);
    /// A parked shard died or is destroyed.
    void on_lost(const shard::ShardSpec& kind, ShardId shard);

    /// Shards that are more than is wanted now, oldest first; they are in the pool no longer.
    std::vector<ShardId> take_surplus(MonoTime now);
    /// What should be prepared next: the kind that lacks most, with the limits last wished for.
    std::optional<shard::ShardSpec> lacking(MonoTime now) const;
    /// When there may be more than is wanted without a further wish.
    std::optional<MonoTime> next_change(MonoTime now) const;

    /// Forgets the kinds of one slice, or all. Whoever calls it has destroyed their shards.
    void forget_slice(shard::SliceId slice);
    void forget_all();
    /// Keeps `shards_min` of this kind ready from now on; after `forget_all`.
    void set_default_kind(const shard::ShardSpec& kind);
    void set_config(const Config::WarmPool& config) { config_ = config; }

    std::uint32_t parked() const { return parked_; }
    std::uint32_t preparing() const { return preparing_; }
    const Config::WarmPool& config() const { return config_; }
    bool holds(ShardId shard) const;

 private:
    struct Kind {
        explicit Kind(std::chrono::nanoseconds memory) : demand(memory) {}
        policy::WarmDemand demand;
        std::uint64_t serial = 0;
        ShardLimits limits;  ///< last wished for
        std::uint32_t least = 0;
        std::uint32_t preparing = 0;
        std::vector<ShardId> parked;  ///< oldest first
    };
    using Kinds = std::unordered_map<shard::ShardSpec, Kind, KindHash>;

    struct Target {
        const shard::ShardSpec* spec = nullptr;
        const Kind* kind = nullptr;
        std::uint32_t shards = 0;
    };

    Kind* find(const shard::ShardSpec& kind);
    Kind* find_or_watch(const shard::ShardSpec& kind, MonoTime now);
    void forget_idle(MonoTime now);
    std::uint32_t wanted(const Kind& kind, MonoTime now) const;
    /// What each kind should have, in the order in which they were first wished for.
    std::vector<Target> targets(MonoTime now) const;

    Config::WarmPool config_;
    Kinds kinds_;
    std::uint64_t next_serial_ = 1;
    std::uint32_t parked_ = 0;
    std::uint32_t preparing_ = 0;
};

}  // namespace shardrun::supervisor
