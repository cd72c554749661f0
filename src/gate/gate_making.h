#pragma once

#include <memory>

#include "gate/gate.h"
#include "gate/tree_making.h"

namespace shardrun::gate {

/// A gate whose tree is made in pieces, between which its owner can hear others.
class GateMaking {
 public:
    static Result<std::unique_ptr<GateMaking>> begin(Entries entries, const TreeConfig& config);
    GateMaking(const GateMaking&) = delete;
    GateMaking& operator=(const GateMaking&) = delete;
    ~GateMaking() = default;

    /// See TreeMaking.
    Result<bool> make_some(std::size_t count_max) { return tree_.make_some(count_max); }

    /// Once all is made; the last call. `loop` and `owner` outlive the gate.
    Result<std::unique_ptr<Gate>> finish(sys::EventLoop& loop, const GateConfig& config,
                                         GateOwner& owner);

 private:
    GateMaking(std::unique_ptr<Gate::Groups> groups, TreeMaking tree)
        : groups_(std::move(groups)), tree_(std::move(tree)) {}

    std::unique_ptr<Gate::Groups> groups_;  // In its place: the tree refers to it.
    TreeMaking tree_;
};

}  // namespace shardrun::gate
