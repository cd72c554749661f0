#include "supervisor/action_order.h"

#include <algorithm>
#include <unordered_set>
#include <utility>
#include <variant>

namespace shardrun::supervisor {
namespace {

// Shards that must be prepared, or were destroyed, before what comes after may touch them.
std::unordered_set<ShardId> touched_shards(const std::vector<Action>& actions) {
    std::unordered_set<ShardId> shards;
    for (const Action& action : actions) {
        if (const auto* prepare = std::get_if<PrepareShard>(&action))
            shards.insert(prepare->spec.id);
        if (const auto* destroy = std::get_if<DestroyShard>(&action)) shards.insert(destroy->shard);
        if (const auto* limits = std::get_if<ApplyLimits>(&action)) shards.insert(limits->shard);
    }
    return shards;
}

int group_of(const Action& action, const std::unordered_set<ShardId>& touched) {
    if (const auto* run = std::get_if<RunProgram>(&action))
        return touched.contains(run->shard) ? 2 : 0;
    return std::holds_alternative<SendFrame>(action) ? 1 : 2;
}

}  // namespace

std::vector<Action> order_actions(std::vector<Action> actions) {
    if (actions.size() < 2) return actions;
    const auto touched = touched_shards(actions);
    std::stable_sort(actions.begin(), actions.end(), [&](const Action& a, const Action& b) {
        return group_of(a, touched) < group_of(b, touched);
    });
    return actions;
}

}  // namespace shardrun::supervisor
