#include "trees/trees.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/fail.h"
#include "base/log.h"
#include "image/stored_image.h"

namespace shardrun::trees {
namespace {

// Images whose plans are kept though no tree of theirs is there, and trees of the host's that
// nobody uses.
constexpr std::size_t kPlansMax = 8;
constexpr std::size_t kIdleTreesMax = 4;

}  // namespace

Result<std::unique_ptr<Trees>> Trees::create(TreesConfig config, sys::EventLoop& loop) {
    reclaim_anchors(config.anchors);
    std::unique_ptr<Trees> trees(new Trees(std::move(config), loop));
    SR_DO(trees->start_helpers());
    return trees;
}

Result<void> Trees::start_helpers() {
    SR_TRY(filler_, Filler::start(config_.streamer, loop_, [this] {
               supply_->lose_filler();
               for (auto& [key, held] : trees_)
                   if (held.made) held.made->tree->lose_filler();
               loads_->lose_filler();
           }));
    if (!config_.fetcher.options.origins.empty()) {
        SR_TRY(fetches_, Fetches::start(config_.fetcher, config_.fetch_size_max_bytes, loop_));
    }
    supply_ = std::make_unique<Supply>(loop_, *filler_, fetches_.get());
    loads_ = std::make_unique<BlobLoads>(
        loop_, *supply_,
        [this](std::uint64_t request, shard::BlobReport report, sys::UniqueFd blob) {
            answer(request, std::move(report), std::move(blob));
        });
    return {};
}

Trees::~Trees() = default;

/// It may have been made after we started.
Result<void> Trees::open_store() {
    if (opened_) return {};
    SR_TRY(blob::Store store, blob::Store::open_existing(config_.store));
    SR_TRY(blob::Session session, store.begin_session());
    opened_ = std::make_unique<Opened>(Opened{std::move(store), std::move(session)});
    supply_->use(opened_->store, opened_->session);
    workshop_ =
        std::make_unique<Workshop>(TreeYard::Config{config_.anchors, config_.tree_size_max_bytes},
                                   TreeContext{loop_, *supply_}, config_.spares);
    return {};
}

Result<std::shared_ptr<const TreePlan>> Trees::plan_of(const blob::Digest& image) {
    if (const auto known = plans_.find(image); known != plans_.end()) return known->second;
    SR_TRY([[maybe_unused]] const bool is_there, opened_->session.hold(image));
    SR_TRY(const image::Manifest manifest, image::load_manifest(opened_->store, image));
    SR_TRY(TreePlan plan, TreePlan::create(manifest));
    if (plan.left_out_count() > 0)
        log(LogLevel::notice, "an image's {} device nodes, FIFOs and sockets are left out",
            plan.left_out_count());
    if (plans_.size() >= kPlansMax) plans_.erase(plans_.begin());
    return plans_.emplace(image, std::make_shared<const TreePlan>(std::move(plan))).first->second;
}

shard::TreeUser Trees::owner_of(const shard::TreeUser& user) const {
    if (config_.owner == Owner::shard) return user;
    return config_.owner == Owner::client ? shard::TreeUser{user.slice, {}} : shard::TreeUser{};
}

void Trees::open_tree(const std::string& image, const shard::TreeUser& user, OnTree on_tree) {
    const auto key = key_of(image, user);
    const auto found = key ? while_doing(find_or_order(*key), "image '{}'", image)
                           : Result<Held*>(std::unexpected(key.error()));
    if (!found) return on_tree(std::unexpected(found.error()));
    Held& held = **found;
    held.users.insert(user.shard);
    held.used = ++last_use_;
    by_shard_.insert_or_assign(user.shard, *key);
    held.waiting.insert_or_assign(user.shard, std::move(on_tree));
    if (held.made) hand_out(*key);
}

Result<Trees::Key> Trees::key_of(const std::string& image, const shard::TreeUser& user) {
    SR_DO(open_store());
    SR_TRY(const blob::Digest digest, opened_->store.find_named(blob::RefKind::image, image));
    return Key{owner_of(user), digest};
}

Result<Trees::Held*> Trees::find_or_order(const Key& key) {
    if (const auto known = trees_.find(key); known != trees_.end()) return &known->second;
    SR_TRY(const std::shared_ptr<const TreePlan> plan, plan_of(key.image));
    Held& held = trees_[key];
    if (auto spare = workshop_->spares.take(key.image, plan))
        take_into_use(key, held, *std::move(spare));
    else
        held.order = workshop_->yard.order(
            plan, TreeYard::Haste::awaited,
            [this, key](Result<MadeTree> made) { on_made(key, std::move(made)); });
    return &held;
}

void Trees::on_made(const Key& key, Result<MadeTree> made) {
    const auto held = trees_.find(key);
    SR_ASSERT(held != trees_.end());  // Else it was cancelled.
    if (made) {
        take_into_use(key, held->second, *std::move(made));
        return hand_out(key);
    }
    const auto waiting = std::move(held->second.waiting);
    trees_.erase(held);
    for (const auto& [shard, on_tree] : waiting) by_shard_.erase(shard);
    for (const auto& [shard, on_tree] : waiting) on_tree(std::unexpected(made.error()));
}

void Trees::take_into_use(const Key& key, Held& held, MadeTree made) {
    held.order = {};
    const bool is_told = config_.owner != Owner::host;
    made.tree->set_on_used([this, is_told, owner = key.owner](const auto& report) {
        if (is_told && listener_ != nullptr) listener_->on_tree_used(owner, report);
    });
    held.made = std::move(made);
}

/// Whoever gets it may be gone with its tree before the next one does.
void Trees::hand_out(const Key& key) {
    for (auto held = trees_.find(key); held != trees_.end(); held = trees_.find(key)) {
        const auto& made = held->second.made;
        if (!made || held->second.waiting.empty()) return;
        auto first = held->second.waiting.extract(held->second.waiting.begin());
        first.mapped()(made->tree->open());
    }
}

void Trees::answer(std::uint64_t request, shard::BlobReport report, sys::UniqueFd blob) const {
    if (listener_ != nullptr) listener_->on_tree_blob(request, std::move(report), std::move(blob));
}

void Trees::fail(std::uint64_t request, const std::string& name, Error why) const {
    shard::BlobReport report;
    report.name = name;
    report.error = std::move(why);
    answer(request, std::move(report), {});
}

void Trees::prefetch(const shard::TreeUser& user, std::uint64_t request, const std::string& path) {
    const auto key = by_shard_.find(user.shard);
    if (key == by_shard_.end())
        return fail(request, path, {ENOENT, fmt::format("'{}': the shard has no tree", path)});
    const Held& held = trees_.at(key->second);
    if (!held.made)
        return fail(request, path, {EAGAIN, fmt::format("'{}': the shard is not ready", path)});
    held.made->tree->prefetch(path, [this, request](shard::BlobReport report) {
        answer(request, std::move(report), {});
    });
}

Result<blob::Digest> Trees::find_blob(const std::string& name) {
    SR_DO(open_store());
    if (auto digest = blob::parse_digest(name)) return digest;
    return opened_->store.find_named(blob::RefKind::pin, name);
}

void Trees::load_blob(std::uint64_t request, const std::string& name, sys::UniqueFd folder) {
    const auto digest = find_blob(name);
    if (!digest) return fail(request, name, digest.error());
    loads_->load(*digest, {request, name}, std::move(folder));
}

void Trees::open_blob(std::uint64_t request, const std::string& name) {
    const auto digest = find_blob(name);
    if (!digest) return fail(request, name, digest.error());
    loads_->open(*digest, {request, name});
}

void Trees::release_shard(const shard::TreeUser& user) {
    const auto key = by_shard_.extract(user.shard);
    if (key.empty()) return;
    const auto held = trees_.find(key.mapped());
    if (held == trees_.end()) return;
    held->second.users.erase(user.shard);
    held->second.waiting.erase(user.shard);
    if (config_.owner == Owner::shard) end(held);
    if (config_.owner == Owner::host) end_idle();
}

void Trees::release_slice(shard::SliceId slice) {
    if (config_.owner != Owner::client) return;
    for (auto held = trees_.begin(); held != trees_.end();) {
        const auto next = std::next(held);
        if (held->first.owner.slice == slice) end(held);
        held = next;
    }
}

void Trees::end(HeldTrees::iterator held) {
    if (held->second.order != TreeOrderId{}) workshop_->yard.cancel(held->second.order);
    trees_.erase(held);
}

/// The host's trees outlive their users for whoever comes next, some of them.
void Trees::end_idle() {
    std::vector<HeldTrees::iterator> idle;
    for (auto at = trees_.begin(); at != trees_.end(); ++at)
        if (at->second.users.empty()) idle.push_back(at);
    if (idle.size() <= kIdleTreesMax) return;
    end(*std::ranges::min_element(idle, {}, [](const auto& held) { return held->second.used; }));
}

}  // namespace shardrun::trees
