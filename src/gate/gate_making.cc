#include "gate/gate_making.h"

#include <limits>

#include "base/fail.h"

namespace shardrun::gate {

Result<std::unique_ptr<GateMaking>> GateMaking::begin(Entries entries, const TreeConfig& config) {
    using sys::FanotifyGroup;
    using sys::FanotifyUse;
    SR_TRY(FanotifyGroup opens, FanotifyGroup::create(FanotifyUse::permission));
    SR_TRY(FanotifyGroup notices, FanotifyGroup::create(FanotifyUse::notice));
    auto groups =
        std::make_unique<Gate::Groups>(Gate::Groups{std::move(opens), std::move(notices)});
    SR_TRY(TreeMaking tree, TreeMaking::begin(std::move(entries), config, groups->opens));
    SR_DO(groups->notices.ignore_mount(tree.own_mount()));
    return std::unique_ptr<GateMaking>(new GateMaking(std::move(groups), std::move(tree)));
}

Result<std::unique_ptr<Gate>> GateMaking::finish(sys::EventLoop& loop, const GateConfig& config,
                                                 GateOwner& owner) {
    SR_TRY(Tree tree, std::move(tree_).finish());
    return Gate::assemble(loop, std::move(*groups_), std::move(tree), config, owner);
}

Result<std::unique_ptr<Gate>> Gate::create(sys::EventLoop& loop, Entries entries,
                                           const TreeConfig& tree_config, const GateConfig& config,
                                           GateOwner& owner) {
    SR_TRY(const auto making, GateMaking::begin(std::move(entries), tree_config));
    SR_TRY([[maybe_unused]] const bool is_made,
           making->make_some(std::numeric_limits<std::size_t>::max()));
    return making->finish(loop, config, owner);
}

}  // namespace shardrun::gate
