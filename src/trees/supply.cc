#include "trees/supply.h"

#include <cerrno>
#include <utility>

#include "base/fail.h"
#include "base/log.h"

namespace shardrun::trees {
namespace {

constexpr std::chrono::milliseconds kPause{5};
// What was found right and cannot be stored yet holds a descriptor each.
constexpr std::size_t kUnstoredMax = 256;

fetcher::Urgency urgency_of(streamer::Urgency urgency) {
    return urgency == streamer::Urgency::demand ? fetcher::Urgency::demand
                                                : fetcher::Urgency::prefetch;
}

}  // namespace

Supply::~Supply() {
    loop_.cancel_timer(timer_);
}

void Supply::use(const blob::Store& store, blob::Session& session) {
    store_ = &store;
    session_ = &session;
    if (fetches_ != nullptr) fetches_->use(session);
}

Result<Supply::JobId> Supply::fill(const Order& order, sys::UniqueFd destination, Reopen reopen,
                                   OnEnd on_end) {
    SR_ASSERT(store_ != nullptr);
    const JobId id{++last_job_};
    Job job{.order = order, .reopen = std::move(reopen), .on_end = std::move(on_end)};
    SR_DO(begin(id, job, std::move(destination)));
    jobs_.emplace(id, std::move(job));
    return id;
}

Result<void> Supply::begin(JobId id, Job& job, sys::UniqueFd destination) {
    auto stored = store_->open_blob(job.order.digest);
    if (stored) return stream(id, job, *std::move(stored), std::move(destination));
    if (stored.error().code != ENOENT) return std::unexpected(stored.error());
    if (fetches_ != nullptr) return begin_fetched(id, job, std::move(destination));
    return refuse(ENOENT, "{}: import its image again, or say in store.origins where it is",
                  stored.error().message);
}

Result<void> Supply::begin_fetched(JobId id, Job& job, sys::UniqueFd destination) {
    const Fetches::Order order{job.order.digest, job.order.size_bytes,
                               urgency_of(job.order.urgency)};
    if (const auto known = fetches_->find(order)) {
        if (!*known)
            return refuse(known->error().code, "blob {}: {}", blob::to_hex(order.digest),
                          known->error().message);
        job.fetched = **known;
        SR_TRY(sys::UniqueFd source, job.fetched->file.open_for_reading());
        return stream(id, job, {std::move(source), job.fetched->blob.size_bytes},
                      std::move(destination));
    }
    job.wish = fetches_->want(
        order, [this, id](const Fetches::Fetched& fetched) { on_fetched(id, fetched); });
    return {};
}

Result<void> Supply::stream(JobId id, Job& job, blob::OpenBlob source, sys::UniqueFd destination) {
    job.size_bytes = source.size_bytes;
    const Filler::Order order{job.order.digest, job.order.size_bytes.value_or(source.size_bytes),
                              job.order.urgency};
    SR_TRY(job.filling,
           filler_.fill(order, std::move(source.fd), std::move(destination),
                        [this, id](const streamer::Report& report) { on_streamed(id, report); }));
    return {};
}

void Supply::on_fetched(JobId id, const Fetches::Fetched& fetched) {
    Job& job = jobs_.at(id);
    job.wish.reset();
    if (!fetched) return end(id, {.code = fetched.error().code, .reason = fetched.error().message});
    job.fetched = *fetched;
    stream_fetched(id);
}

void Supply::stream_fetched(JobId id) {
    const auto begun = try_stream_fetched(id, jobs_.at(id));
    if (begun) return;
    const int code = begun.error().code;
    if (code != EAGAIN && code != EPIPE)
        return end(id, {.code = code, .reason = begun.error().message});
    unstreamed_.push_back(id);
    try_again_later();
}

Result<void> Supply::try_stream_fetched(JobId id, Job& job) {
    SR_TRY(sys::UniqueFd source, job.fetched->file.open_for_reading());
    SR_TRY(sys::UniqueFd destination, job.reopen());
    return stream(id, job, {std::move(source), job.fetched->blob.size_bytes},
                  std::move(destination));
}

void Supply::on_streamed(JobId id, const streamer::Report& report) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return;
    Job& job = found->second;
    if (!job.fetched) return end(id, {report.outcome, report.code, job.size_bytes, ""});
    if (report.outcome == streamer::Outcome::complete) store(job.fetched);
    end(id, end_of_fetched(job, report));
}

/// What was fetched and is not right is no damage of the store's, and may be better next time.
Supply::End Supply::end_of_fetched(const Job& job, const streamer::Report& report) {
    const bool is_wrong = report.outcome == streamer::Outcome::wrong_digest ||
                          report.outcome == streamer::Outcome::wrong_size;
    if (!is_wrong) return {report.outcome, report.code, job.size_bytes, ""};
    log(LogLevel::error, "blob {}: the fetcher brought other bytes, which nobody has seen",
        blob::to_hex(job.order.digest));
    return {.code = EIO, .reason = "other bytes were fetched than its image says"};
}

void Supply::end(JobId id, const End& end) {
    auto job = jobs_.extract(id);
    if (!job.empty()) job.mapped().on_end(end);
}

/// Its reader has what it wanted, whatever comes of this.
void Supply::store(const std::shared_ptr<FetchedBlob>& fetched) {
    if (fetched->is_stored || !fetched->is_settled) return;
    const auto adopted = session_->adopt(fetched->file, fetched->blob);
    fetched->is_stored = adopted.has_value();
    if (adopted) return;
    if (adopted.error().code == EWOULDBLOCK && unstored_.size() < kUnstoredMax) {
        unstored_.push_back(fetched);
        return try_again_later();
    }
    log(LogLevel::warning, "blob {} was fetched, but is not kept: {}",
        blob::to_hex(fetched->blob.digest), adopted.error().message);
}

void Supply::try_again_later() {
    if (timer_ == sys::TimerId{})
        timer_ = loop_.set_timer(loop_.now() + kPause, [this] { try_again(); });
}

void Supply::try_again() {
    timer_ = {};
    for (const auto& fetched : std::exchange(unstored_, {})) store(fetched);
    for (const JobId id : std::exchange(unstreamed_, {}))
        if (jobs_.contains(id)) stream_fetched(id);
}

void Supply::promote(JobId id) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return;
    Job& job = found->second;
    job.order.urgency = streamer::Urgency::demand;
    if (job.wish)
        fetches_->promote(*job.wish);
    else if (job.filling)
        filler_.promote(*job.filling);
}

void Supply::cancel(JobId id) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return;
    Job& job = found->second;
    if (job.filling) return filler_.cancel(*job.filling);
    if (job.wish) fetches_->drop(*job.wish);
    end(id, {.outcome = streamer::Outcome::cancelled});
}

void Supply::forget(JobId id) {
    const auto job = jobs_.extract(id);
    if (job.empty()) return;
    if (const auto filling = job.mapped().filling) filler_.forget(*filling);
    if (const auto wish = job.mapped().wish) fetches_->drop(*wish);
}

void Supply::lose_filler() {
    std::erase_if(jobs_, [](const auto& each) { return each.second.filling.has_value(); });
}

}  // namespace shardrun::trees
