#include "trees/spare_trees.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/log.h"

namespace shardrun::trees {
namespace {

// An image that is used once will not be used again, as far as anybody knows.
constexpr std::uint32_t kUsesMin = 2;
constexpr std::size_t kImagesMax = 64;
// A name takes about a kilobyte of the kernel's memory: larger trees are not kept on suspicion.
constexpr std::size_t kNamesMax = 200'000;

}  // namespace

SpareTrees::~SpareTrees() {
    loop_.cancel_timer(timer_);
    for (const auto& [digest, image] : images_)
        if (image.order) yard_.cancel(*image.order);
}

std::size_t SpareTrees::ready_count() const {
    std::size_t count = 0;
    for (const auto& [digest, image] : images_) count += image.ready.size();
    return count;
}

std::optional<MadeTree> SpareTrees::take(const blob::Digest& image, const TreeYard::Plan& plan) {
    const bool is_watched = images_.contains(image) || images_.size() < kImagesMax;
    const bool is_small = plan->entries()->size() <= kNamesMax;
    if (config_.trees_max == 0 || !is_watched || !is_small) return std::nullopt;
    Image& known = images_.try_emplace(image, config_.memory).first->second;
    known.plan = plan;
    known.demand.on_wish(loop_.now());
    ++known.uses;
    std::optional<MadeTree> taken;
    if (!known.ready.empty()) {
        taken = std::move(known.ready.front());
        known.ready.pop_front();
    }
    follow_demand();
    return taken;
}

/// Shares the trees among the images, makes what lacks and ends what is more.
void SpareTrees::follow_demand() {
    const MonoTime now = loop_.now();
    std::erase_if(images_, [&](auto& entry) {
        const bool is_forgotten = entry.second.demand.wanted(now) == 0;
        if (is_forgotten && entry.second.order) yard_.cancel(*entry.second.order);
        return is_forgotten;
    });
    std::vector<std::uint32_t> wanted;
    wanted.reserve(images_.size());
    for (const auto& [digest, image] : images_)
        wanted.push_back(image.uses < kUsesMin ? 0 : image.demand.wanted(now));
    const auto shares = policy::share_pool(wanted, config_.trees_max);
    std::size_t at = 0;
    for (auto& [digest, image] : images_) {
        const std::uint32_t share = shares[at++];
        while (image.ready.size() > share) image.ready.pop_back();
        if (image.ready.size() >= share || image.order) continue;
        image.order =
            yard_.order(image.plan, TreeYard::Haste::ahead,
                        [this, which = digest](auto made) { on_made(which, std::move(made)); });
    }
    set_timer();
}

void SpareTrees::on_made(const blob::Digest& image, Result<MadeTree> made) {
    Image& known = images_.at(image);
    known.order.reset();
    if (!made) {
        // Whoever wants one is told; until then it is not tried again.
        log(LogLevel::warning, "make an image's tree ahead: {}", made.error().message);
        images_.erase(image);
        return;
    }
    known.ready.push_back(*std::move(made));
    follow_demand();
}

/// What is not wanted any more goes without a further use.
void SpareTrees::set_timer() {
    loop_.cancel_timer(timer_);
    timer_ = {};
    std::optional<MonoTime> due;
    for (const auto& [digest, image] : images_) {
        const auto change = image.demand.next_change(loop_.now());
        if (change && (!due || *change < *due)) due = change;
    }
    if (!due) return;
    timer_ = loop_.set_timer(*due, [this] {
        timer_ = {};
        follow_demand();
    });
}

}  // namespace shardrun::trees
