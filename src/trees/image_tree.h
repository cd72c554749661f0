#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "gate/gate.h"
#include "gate/gate_making.h"
#include "shard/tree_source.h"
#include "trees/supply.h"
#include "trees/tree_plan.h"

namespace shardrun::trees {

/// What all trees share; outlives them.
struct TreeContext {
    sys::EventLoop& loop;
    Supply& supply;
};

/// One tree of an image with its gate: fills come from the store, or from the origins.
class ImageTree final : public gate::GateOwner {
 public:
    using Done = std::function<void(shard::BlobReport report)>;
    /// The first open of a file since it was filled, or that it could not be.
    using OnUsed = std::function<void(const shard::BlobReport& report)>;

    static Result<std::unique_ptr<ImageTree>> begin(const TreeContext& context,
                                                    std::shared_ptr<const TreePlan> plan,
                                                    const gate::TreeConfig& config);
    ~ImageTree() override;
    ImageTree(const ImageTree&) = delete;
    ImageTree& operator=(const ImageTree&) = delete;

    /// At most so many steps further; true: all is made. Before that nothing else may be asked.
    Result<bool> make_some(std::size_t count_max);
    /// Before it is opened.
    void set_on_used(OnUsed on_used) { on_used_ = std::move(on_used); }

    /// Whatever the tree's size.
    Result<shard::TreeRoot> open() const;
    /// `done` gets `prefetched`, or `hit` when it is there already, or `failed`; maybe at once.
    void prefetch(const std::string& path, Done done);
    /// The streamer is another.
    void lose_filler();

    Result<void> start_fill(gate::FileId file, gate::Urgency urgency,
                            sys::UniqueFd destination) override;
    void promote_fill(gate::FileId file) override;
    void cancel_fill(gate::FileId file) override;
    void on_reverted(gate::FileId file) override;
    void on_first_open(gate::FileId file, gate::Found found) override;
    void on_trouble(const Error& error) override;

 private:
    struct Wish {
        std::string path;  ///< as it was asked for
        MonoTime begun;
        Done done;
    };

    ImageTree(const TreeContext& context, std::shared_ptr<const TreePlan> plan)
        : context_(context), plan_(std::move(plan)) {}
    Result<Supply::JobId> order_fill(gate::FileId file, gate::Urgency urgency,
                                     sys::UniqueFd destination);
    void on_filled(gate::FileId file, const Supply::End& end);
    shard::BlobReport describe(gate::FileId file, BlobOutcome outcome) const;
    void answer(gate::FileId file, BlobOutcome outcome, const std::optional<Error>& error);

    TreeContext context_;
    std::shared_ptr<const TreePlan> plan_;
    OnUsed on_used_;
    std::unordered_map<gate::FileId, Supply::JobId> fills_;  // Under way.
    std::unordered_map<gate::FileId, MonoTime> waits_;       // Since when an open is held up.
    std::unordered_map<gate::FileId, Error> errors_;         // Of the last try.
    std::unordered_map<gate::FileId, std::vector<Wish>> wishes_;
    std::unique_ptr<gate::GateMaking> making_;  // Until there is a gate.
    std::unique_ptr<gate::Gate> gate_;          // Goes first: it calls us until its end.
};

}  // namespace shardrun::trees
