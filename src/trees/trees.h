#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "blob/session.h"
#include "blob/store.h"
#include "shard/tree_source.h"
#include "shardrun/error.h"
#include "streamer/streamer_process.h"
#include "sys/event_loop.h"
#include "trees/blob_loads.h"
#include "trees/fetches.h"
#include "trees/filler.h"
#include "trees/image_tree.h"
#include "trees/spare_trees.h"
#include "trees/supply.h"
#include "trees/tree_plan.h"
#include "trees/tree_yard.h"

namespace shardrun::trees {

/// Who shares a tree, and its contents' memory, with whom.
enum class Owner : std::uint8_t {
    client,  ///< all shards of one client
    shard,
    host,  ///< all shards; who opened what is told to nobody
};

struct TreesConfig {
    std::string store;  ///< its directory; need not be there yet
    Owner owner = Owner::client;
    std::uint64_t tree_size_max_bytes = std::uint64_t{4} << 30U;
    /// A directory for mount points, made when it is missing. Needed before Linux 6.15 only.
    std::string anchors = "/run/shardrun/trees";
    SpareTrees::Config spares;
    streamer::StreamerConfig streamer;
    /// Without origins there is no fetcher: what the store lacks is refused.
    fetcher::FetcherConfig fetcher;
    /// Of a fetched blob whose size no image tells.
    std::uint64_t fetch_size_max_bytes = std::uint64_t{4} << 30U;
};

/// The trees of images, from the store and the origins, filled by a streamer of their own.
class Trees final : public shard::TreeSource {
 public:
    /// Starts the streamer, and the fetcher; `loop` outlives the object.
    static Result<std::unique_ptr<Trees>> create(TreesConfig config, sys::EventLoop& loop);
    ~Trees() override;
    Trees(const Trees&) = delete;
    Trees& operator=(const Trees&) = delete;

    void open_tree(const std::string& image, const shard::TreeUser& user, OnTree on_tree) override;
    void release_shard(const shard::TreeUser& user) override;
    void release_slice(shard::SliceId slice) override;
    void set_listener(shard::TreeListener* listener) override { listener_ = listener; }
    void prefetch(const shard::TreeUser& user, std::uint64_t request,
                  const std::string& path) override;
    void load_blob(std::uint64_t request, const std::string& name, sys::UniqueFd folder) override;
    void open_blob(std::uint64_t request, const std::string& name) override;

    std::size_t tree_count() const { return trees_.size(); }
    std::optional<pid_t> fetcher_pid() const {
        return fetches_ ? fetches_->fetcher_pid() : std::nullopt;
    }
    std::size_t spare_count() const { return workshop_ ? workshop_->spares.ready_count() : 0; }
    std::optional<pid_t> streamer_pid() const { return filler_->pid(); }

 private:
    struct Opened {
        blob::Store store;
        blob::Session session;  ///< keeps what is in use from being swept
    };
    /// One tree per owner and image.
    struct Key {
        shard::TreeUser owner;  ///< with zeros for what does not matter
        blob::Digest image;
        auto operator<=>(const Key&) const = default;
    };
    struct Held {
        std::optional<MadeTree> made;
        TreeOrderId order{};  ///< 0: it is made
        std::map<ShardId, OnTree> waiting;
        std::set<ShardId> users;
        std::uint64_t used = 0;  ///< when it got its last user, as a count
    };
    using HeldTrees = std::map<Key, Held>;
    /// Where trees come from, once there is a store.
    struct Workshop {
        Workshop(TreeYard::Config config, const TreeContext& context, SpareTrees::Config spare)
            : yard(std::move(config), context), spares(spare, context.loop, yard) {}
        TreeYard yard;
        SpareTrees spares;
    };

    Trees(TreesConfig config, sys::EventLoop& loop) : config_(std::move(config)), loop_(loop) {}
    Result<void> start_helpers();
    Result<void> open_store();
    Result<blob::Digest> find_blob(const std::string& name);
    void answer(std::uint64_t request, shard::BlobReport report, sys::UniqueFd blob) const;
    void fail(std::uint64_t request, const std::string& name, Error why) const;
    Result<std::shared_ptr<const TreePlan>> plan_of(const blob::Digest& image);
    Result<Key> key_of(const std::string& image, const shard::TreeUser& user);
    Result<Held*> find_or_order(const Key& key);
    void on_made(const Key& key, Result<MadeTree> made);
    void take_into_use(const Key& key, Held& held, MadeTree made);
    void hand_out(const Key& key);
    shard::TreeUser owner_of(const shard::TreeUser& user) const;
    void end(HeldTrees::iterator held);
    void end_idle();

    TreesConfig config_;
    sys::EventLoop& loop_;
    shard::TreeListener* listener_ = nullptr;
    std::unique_ptr<Opened> opened_;  // Null: it was not there yet.
    std::unique_ptr<Filler> filler_;
    std::unique_ptr<Fetches> fetches_;  // Null without origins.
    std::unique_ptr<Supply> supply_;
    std::unique_ptr<BlobLoads> loads_;
    std::map<blob::Digest, std::shared_ptr<const TreePlan>> plans_;  // Of images lately used.
    std::map<ShardId, Key> by_shard_;
    HeldTrees trees_;
    std::unique_ptr<Workshop> workshop_;
    std::uint64_t last_use_ = 0;
};

}  // namespace shardrun::trees
