#include "trees/image_tree.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "base/fail.h"
#include "base/log.h"
#include "trees/verdict.h"

namespace shardrun::trees {
namespace {

using gate::FileId;

std::chrono::microseconds since(MonoTime begun, MonoTime now) {
    return std::chrono::duration_cast<std::chrono::microseconds>(now - begun);
}

Error error_of(const Supply::End& end, const blob::Digest& digest, const std::string& path) {
    const std::string blob = blob::to_hex(digest);
    if (!end.reason.empty())
        return {end.code, fmt::format("'/{}': blob {}: {}", path, blob, end.reason)};
    switch (end.outcome) {
        case streamer::Outcome::wrong_size:
            return {EIO, fmt::format("'/{}': blob {} has another size than its image says: "
                                     "'shardrun image verify' sets it aside, import it again",
                                     path, blob)};
        case streamer::Outcome::wrong_digest:
            return {EIO, fmt::format("'/{}': blob {} is damaged: 'shardrun image verify' sets it "
                                     "aside, import it again",
                                     path, blob)};
        case streamer::Outcome::cancelled:
            return {ECANCELED, fmt::format("'/{}': not wanted any more", path)};
        case streamer::Outcome::complete:
        case streamer::Outcome::failed:
            break;
    }
    return {end.code, fmt::format("'/{}': load blob {}: {}{}", path, blob, errno_text(end.code),
                                  end.code == ENOSPC ? "; see store.tree_size_max_mib" : "")};
}

}  // namespace

Result<std::unique_ptr<ImageTree>> ImageTree::begin(const TreeContext& context,
                                                    std::shared_ptr<const TreePlan> plan,
                                                    const gate::TreeConfig& config) {
    std::unique_ptr<ImageTree> tree(new ImageTree(context, std::move(plan)));
    SR_TRY(tree->making_, gate::GateMaking::begin(tree->plan_->entries(), config));
    return tree;
}

Result<bool> ImageTree::make_some(std::size_t count_max) {
    SR_TRY(const bool is_made, making_->make_some(count_max));
    if (!is_made) return false;
    SR_TRY(gate_, making_->finish(context_.loop, {}, *this));
    making_.reset();
    return true;
}

ImageTree::~ImageTree() {
    for (const auto& [file, job] : fills_) context_.supply.forget(job);
    const Error gone{ECANCELED, "the shard is gone"};
    while (!wishes_.empty()) answer(wishes_.begin()->first, BlobOutcome::failed, gone);
}

Result<shard::TreeRoot> ImageTree::open() const {
    shard::TreeRoot root;
    SR_TRY(root.mount, gate_->tree().clone_for_shard());
    SR_TRY(root.hold, gate_->duplicate_group());
    return root;
}

void ImageTree::prefetch(const std::string& path, Done done) {
    const auto file = plan_->find_file(path);
    const MonoTime now = context_.loop.now();
    if (!file) {
        shard::BlobReport report;
        report.name = path;
        report.error = file.error();
        return done(std::move(report));
    }
    const gate::FileState state = gate_->state(*file);
    wishes_[*file].push_back({path, now, std::move(done)});
    if (state == gate::FileState::plain || state == gate::FileState::filled)
        return answer(*file, BlobOutcome::hit, std::nullopt);
    if (state == gate::FileState::bad)
        return answer(*file, BlobOutcome::failed,
                      Error{EIO, fmt::format("'{}': its blob is damaged", path)});
    gate_->prefetch(*file);
}

void ImageTree::lose_filler() {
    std::erase_if(fills_,
                  [this](const auto& each) { return !context_.supply.is_under_way(each.second); });
    gate_->lose_filler();
}

Result<void> ImageTree::start_fill(FileId file, gate::Urgency urgency, sys::UniqueFd destination) {
    const bool is_demand = urgency == gate::Urgency::demand;
    if (is_demand) waits_.try_emplace(file, context_.loop.now());
    if (const auto fetched = fills_.find(file); fetched != fills_.end()) {
        // It was on its way to the store when the streamer ended, and still is.
        if (is_demand) context_.supply.promote(fetched->second);
        return {};
    }
    auto job = order_fill(file, urgency, std::move(destination));
    if (job) {
        fills_[file] = *job;
        return {};
    }
    errors_[file] = job.error();  // Told if the gate gives up; it may try again.
    return std::unexpected(job.error());
}

Result<Supply::JobId> ImageTree::order_fill(FileId file, gate::Urgency urgency,
                                            sys::UniqueFd destination) {
    const Supply::Order order{
        plan_->digest(file), gate_->tree().entry(file).size_bytes,
        urgency == gate::Urgency::demand ? streamer::Urgency::demand : streamer::Urgency::prefetch};
    return context_.supply.fill(
        order, std::move(destination), [this, file] { return gate_->tree().open(file, O_WRONLY); },
        [this, file](const Supply::End& end) { on_filled(file, end); });
}

void ImageTree::promote_fill(FileId file) {
    waits_.try_emplace(file, context_.loop.now());
    const auto fill = fills_.find(file);
    if (fill != fills_.end()) context_.supply.promote(fill->second);
}

void ImageTree::cancel_fill(FileId file) {
    const auto fill = fills_.find(file);
    if (fill != fills_.end()) context_.supply.cancel(fill->second);
}

void ImageTree::on_filled(FileId file, const Supply::End& end) {
    if (fills_.erase(file) == 0) return;
    if (end.outcome != streamer::Outcome::complete)
        errors_[file] = error_of(end, plan_->digest(file), gate_->tree().entry(file).path);
    gate_->end_fill(file, verdict_of(end.outcome), end.code);
    if (gate_->state(file) != gate::FileState::filled) return;
    errors_.erase(file);
    answer(file, BlobOutcome::prefetched, std::nullopt);
}

/// Whatever the gate gave up comes by here.
void ImageTree::on_reverted(FileId file) {
    if (gate_->state(file) == gate::FileState::filling) return;  // It is tried again.
    const auto known = errors_.extract(file);
    const Error error =
        known.empty()
            ? Error{EIO, fmt::format("'/{}': could not be loaded", gate_->tree().entry(file).path)}
            : known.mapped();
    if (waits_.erase(file) != 0) {
        shard::BlobReport report = describe(file, BlobOutcome::failed);
        report.error = error;
        log(LogLevel::warning, "{}; whoever opens it is refused", error.message);
        on_used_(report);
    }
    answer(file, BlobOutcome::failed, error);
}

void ImageTree::on_first_open(FileId file, gate::Found found) {
    shard::BlobReport report =
        describe(file, found == gate::Found::ready ? BlobOutcome::hit : BlobOutcome::demand_loaded);
    const auto wait = waits_.extract(file);
    if (!wait.empty()) report.elapsed = since(wait.mapped(), context_.loop.now());
    on_used_(report);
}

void ImageTree::on_trouble(const Error& error) {
    log(LogLevel::warning, "an image's tree: {}", error.message);
}

shard::BlobReport ImageTree::describe(FileId file, BlobOutcome outcome) const {
    const gate::Entry& entry = (*plan_->entries())[std::to_underlying(file)];
    shard::BlobReport report;
    report.outcome = outcome;
    report.name = "/" + entry.path;
    report.digest = plan_->digest(file).bytes;
    report.size_bytes = entry.size_bytes;
    return report;
}

/// All who wished for the file.
void ImageTree::answer(FileId file, BlobOutcome outcome, const std::optional<Error>& error) {
    auto wishes = wishes_.extract(file);
    if (wishes.empty()) return;
    for (Wish& wish : wishes.mapped()) {
        shard::BlobReport report = describe(file, outcome);
        report.name = wish.path;
        report.elapsed = since(wish.begun, context_.loop.now());
        report.error = error;
        wish.done(std::move(report));
    }
}

}  // namespace shardrun::trees
