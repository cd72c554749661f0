#include "trees/tree_yard.h"

#include <algorithm>
#include <utility>

#include "base/fail.h"

namespace shardrun::trees {
namespace {

// Some ten microseconds each. What nobody waits for must be felt by nobody.
constexpr std::size_t kAwaitedPiece = 64;
constexpr std::size_t kAheadPiece = 16;

}  // namespace

TreeYard::~TreeYard() {
    context_.loop.cancel_timer(timer_);
}

TreeOrderId TreeYard::order(Plan plan, Haste haste, OnMade on_made) {
    const TreeOrderId id{++last_};
    Job job{id, std::move(plan), haste, std::move(on_made), {}};
    const auto at =
        haste == Haste::ahead ? jobs_.end() : std::ranges::find(jobs_, Haste::ahead, &Job::haste);
    jobs_.insert(at, std::move(job));
    work_soon();
    return id;
}

void TreeYard::cancel(TreeOrderId order) {
    std::erase_if(jobs_, [order](const Job& job) { return job.id == order; });
}

void TreeYard::work_soon() {
    if (jobs_.empty() || timer_ != sys::TimerId{}) return;
    timer_ = context_.loop.set_timer(context_.loop.now(), [this] { work(); });
}

void TreeYard::work() {
    timer_ = {};
    if (!jobs_.empty()) {
        auto done = make_some(jobs_.front());
        if (!done)
            end_first(std::unexpected(done.error()));
        else if (*done)
            end_first({});
        else
            let_next_go();
    }
    work_soon();
}

Result<bool> TreeYard::make_some(Job& job) const {
    if (!job.made.tree) {
        job.made.anchor = Anchor::make(config_.anchors);
        const gate::TreeConfig config{
            std::min(job.plan->content_bytes(), config_.tree_size_max_bytes),
            job.made.anchor.path()};
        SR_TRY(job.made.tree, ImageTree::begin(context_, job.plan, config));
    }
    return job.made.tree->make_some(job.haste == Haste::awaited ? kAwaitedPiece : kAheadPiece);
}

/// Nobody's small tree waits for another one's large one.
void TreeYard::let_next_go() {
    if (jobs_.front().haste == Haste::ahead) return;
    std::rotate(jobs_.begin(), std::next(jobs_.begin()),
                std::ranges::find(jobs_, Haste::ahead, &Job::haste));
}

/// Whoever is told may order and cancel.
void TreeYard::end_first(Result<void> done) {
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    if (done) return job.on_made(std::move(job.made));
    job.on_made(std::unexpected(done.error()));
}

}  // namespace shardrun::trees
