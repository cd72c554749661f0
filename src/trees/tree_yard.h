#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "shardrun/error.h"
#include "sys/event_loop.h"
#include "trees/anchor.h"
#include "trees/image_tree.h"
#include "trees/tree_plan.h"

namespace shardrun::trees {

/// A tree with what it stands on.
struct MadeTree {
    Anchor anchor;
    std::unique_ptr<ImageTree> tree;  // Goes before its anchor does.
};

/// A tree that was ordered; never reused. 0: none.
enum class TreeOrderId : std::uint64_t {};

/// Makes trees, a piece of one in each round of the loop, so that the loop waits for no longer than
/// a piece takes. Those that somebody waits for take turns; the others come afterwards, one by one.
class TreeYard {
 public:
    struct Config {
        std::string anchors;  ///< see TreesConfig
        std::uint64_t tree_size_max_bytes = 0;
    };
    /// `context` refers to what outlives the yard.
    TreeYard(Config config, const TreeContext& context)
        : config_(std::move(config)), context_(context) {}
    TreeYard(const TreeYard&) = delete;
    TreeYard& operator=(const TreeYard&) = delete;
    ~TreeYard();

    enum class Haste : std::uint8_t {
        awaited,  ///< in turn with the awaited ones that are there
        ahead,    ///< when nothing is awaited
    };
    using Plan = std::shared_ptr<const TreePlan>;
    /// Never from inside a call.
    using OnMade = std::function<void(Result<MadeTree> made)>;
    TreeOrderId order(Plan plan, Haste haste, OnMade on_made);
    /// Nobody is told; what there is of it goes. One that is done is ignored.
    void cancel(TreeOrderId order);

 private:
    struct Job {
        TreeOrderId id{};
        Plan plan;
        Haste haste{};
        OnMade on_made;
        MadeTree made;  // As far as it is.
    };
    void work_soon();
    void work();
    Result<bool> make_some(Job& job) const;
    void let_next_go();
    void end_first(Result<void> done);

    Config config_;
    TreeContext context_;
    std::deque<Job> jobs_;  // Awaited ones first.
    std::uint64_t last_ = 0;
    sys::TimerId timer_{};
};

}  // namespace shardrun::trees
