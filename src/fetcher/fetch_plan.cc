#include "fetcher/fetch_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "fetcher/blob_place.h"

namespace shardrun::fetcher {
namespace {

using Kind = AttemptEnd::Kind;

/// What is told when several origins failed in different ways: the higher.
int rank(Outcome outcome) {
    switch (outcome) {
        case Outcome::wrong_digest:
            return 4;
        case Outcome::too_large:
            return 3;
        case Outcome::failed:
            return 2;
        case Outcome::not_found:
            return 1;
        case Outcome::complete:
        case Outcome::cancelled:
            return 0;
    }
    return 0;
}

void join(std::string& text, const std::string& more) {
    if (!text.empty() && !more.empty()) text += "; ";
    text += more;
}

}  // namespace

Step FetchPlan::begin() {
    if (!origins_.empty()) return ask();
    return Conclusion{
        .outcome = Outcome::not_found, .code = ENOENT, .reason = "there is no origin to ask"};
}

Step FetchPlan::ask() {
    ++attempts_;
    return Ask{origin_, layout_};
}

Step FetchPlan::ask_next_origin(std::uint64_t bytes_there) {
    if (origin_ + 1 == origins_.size()) return conclude_worst();
    ++origin_;
    layout_ = 0;
    fruitless_ = 0;
    furthest_ = bytes_there;
    is_asked_for_all_ = false;
    return ask();
}

Step FetchPlan::on_end(const AttemptEnd& end, MonoTime now, Rng& rng) {
    note_source(end);
    if (end.kind != Kind::whole && end.kind != Kind::not_found) last_ = described(end);
    switch (end.kind) {
        case Kind::whole:
            return conclude(Outcome::complete, end);
        case Kind::local:
            return conclude(Outcome::failed, end);
        case Kind::not_found:
            return on_not_found(end);
        case Kind::wrong_digest:
            return on_wrong_digest(end);
        case Kind::temporary:
            return on_temporary(end, now, rng);
        case Kind::too_large:
        case Kind::refused:
            break;
    }
    note_verdict(end.kind == Kind::refused ? Outcome::failed : Outcome::too_large, end);
    return ask_next_origin(end.bytes_there);
}

void FetchPlan::note_source(const AttemptEnd& end) {
    const bool has_brought = end.kind == Kind::wrong_digest || end.bytes_there > end.began_at;
    if (!has_brought) return;
    has_mixed_sources_ = end.began_at > 0 && (has_mixed_sources_ || source_ != origin_);
    source_ = origin_;
}

Step FetchPlan::on_not_found(const AttemptEnd& end) {
    if (++layout_ < kLayouts) return ask();
    layout_ = 0;
    note_verdict(Outcome::not_found, end);
    return ask_next_origin(end.bytes_there);
}

Step FetchPlan::on_wrong_digest(const AttemptEnd& end) {
    if (has_mixed_sources_ && !is_asked_for_all_) {
        is_asked_for_all_ = true;  // Then its bytes are its own.
        furthest_ = 0;
        return ask();
    }
    note_verdict(Outcome::wrong_digest, end);
    return ask_next_origin(0);
}

Step FetchPlan::on_temporary(const AttemptEnd& end, MonoTime now, Rng& rng) {
    // A server that never resumes does not get further by beginning again and again.
    if (end.bytes_there > furthest_) fruitless_ = 0;
    furthest_ = std::max(furthest_, end.bytes_there);
    ++fruitless_;
    const MonoTime next = now + pause(end.retry_after, rng);
    if (fruitless_ < policy_.attempts_max && next < deadline_) return Wait{next};
    note_verdict(Outcome::failed, end);
    return ask_next_origin(end.bytes_there);
}

/// Doubled each time; half of it by chance, so that many who failed together do not come back
/// together. Source: Brooker, Exponential Backoff and Jitter, 2015 ("equal jitter").
MonoClock::duration FetchPlan::pause(std::chrono::seconds retry_after, Rng& rng) const {
    constexpr unsigned kDoublingsMax = 20;
    const unsigned doublings = std::min(fruitless_ - 1, kDoublingsMax);
    const auto full =
        std::min(policy_.backoff_first * (std::int64_t{1} << doublings), policy_.backoff_max);
    const MonoClock::duration half = MonoClock::duration(full) / 2;
    const auto chance = rng.below(static_cast<std::uint64_t>(half.count()) + 1);
    const MonoClock::duration own = half + MonoClock::duration(chance);
    const MonoClock::duration asked =
        std::min(std::chrono::milliseconds(retry_after), policy_.retry_after_max);
    return std::max(own, asked);
}

std::string FetchPlan::described(const AttemptEnd& end) const {
    return fmt::format("origin '{}': {}", origins_[origin_], end.cause);
}

void FetchPlan::note_verdict(Outcome outcome, const AttemptEnd& end) {
    join(reasons_, described(end));
    last_.clear();
    if (worst_ && rank(worst_->outcome) >= rank(outcome)) return;
    worst_ = conclude(outcome, end);
}

Conclusion FetchPlan::conclude(Outcome outcome, const AttemptEnd& end) const {
    Conclusion result{.outcome = outcome,
                      .origin = static_cast<std::uint16_t>(origin_),
                      .code = end.code,
                      .http_status = end.http_status,
                      .attempts = attempts_,
                      .reason = reasons_};
    join(result.reason, last_);
    return result;
}

Conclusion FetchPlan::conclude_worst() const {
    // Every origin that is done with has left its verdict.
    Conclusion result = worst_.value_or(Conclusion{.outcome = Outcome::failed});
    result.attempts = attempts_;
    result.reason = reasons_;
    return result;
}

Conclusion FetchPlan::on_deadline() const {
    AttemptEnd end{.kind = Kind::temporary, .code = ETIMEDOUT};
    Conclusion result = conclude(Outcome::failed, end);
    join(result.reason, fmt::format("origin '{}': not done within {} ms", origins_[origin_],
                                    policy_.deadline.count()));
    return result;
}

Conclusion FetchPlan::on_cancel() const {
    return {.outcome = Outcome::cancelled, .attempts = attempts_, .reason = reasons_};
}

}  // namespace shardrun::fetcher
