#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "blob/digest.h"
#include "policy/warm_demand.h"
#include "trees/tree_yard.h"

namespace shardrun::trees {

/// Trees made ahead for images that are used often, so that their next user waits for none.
class SpareTrees {
 public:
    struct Config {
        std::uint32_t trees_max = 0;         ///< over all images
        std::chrono::nanoseconds memory{0};  ///< uses older than this are forgotten
    };
    /// `loop` and `yard` outlive it.
    SpareTrees(Config config, sys::EventLoop& loop, TreeYard& yard)
        : config_(config), loop_(loop), yard_(yard) {}
    SpareTrees(const SpareTrees&) = delete;
    SpareTrees& operator=(const SpareTrees&) = delete;
    ~SpareTrees();

    /// Somebody wants a tree of the image of which there will be no other; one that lies ready.
    /// Another is made for the next one, if it was not the first.
    std::optional<MadeTree> take(const blob::Digest& image, const TreeYard::Plan& plan);

    std::size_t ready_count() const;

 private:
    struct Image {
        explicit Image(std::chrono::nanoseconds memory) : demand(memory) {}
        policy::WarmDemand demand;
        std::uint32_t uses = 0;
        TreeYard::Plan plan;
        std::deque<MadeTree> ready;
        std::optional<TreeOrderId> order;
    };
    void follow_demand();
    void on_made(const blob::Digest& image, Result<MadeTree> made);
    void set_timer();

    Config config_;
    sys::EventLoop& loop_;
    TreeYard& yard_;
    std::map<blob::Digest, Image> images_;
    sys::TimerId timer_{};
};

}  // namespace shardrun::trees
