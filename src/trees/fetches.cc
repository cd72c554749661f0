#include "trees/fetches.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/fail.h"
#include "base/log.h"
#include "sys/file_io.h"
#include "sys/lease.h"

namespace shardrun::trees {
namespace {

using fetcher::Urgency;

// Programs may try again as fast as they like; the origins are not asked more often than this.
constexpr std::chrono::seconds kFailureMemory{1};
constexpr std::size_t kFailuresMax = 1024;
constexpr unsigned kFetchersLostMax = 3;
constexpr std::size_t kQueueSlack = 64;

/// The order found no room, or nobody to take it, for the moment.
bool is_passing(int code) {
    return code == EAGAIN || code == EPIPE;
}

}  // namespace

Fetches::Fetches(const fetcher::FetcherConfig& config, std::uint64_t size_max_bytes,
                 sys::EventLoop& loop)
    : loop_(loop),
      size_max_bytes_(size_max_bytes),
      helper_(loop, {.name = "the fetcher",
                     .start = [config] { return fetcher::FetcherProcess::start(config); },
                     .on_lost = [this] { on_lost(); },
                     .on_replaced = [this] { begin_waiting(); }}) {}

Result<std::unique_ptr<Fetches>> Fetches::start(const fetcher::FetcherConfig& config,
                                                std::uint64_t size_max_bytes,
                                                sys::EventLoop& loop) {
    std::unique_ptr<Fetches> fetches(new Fetches(config, size_max_bytes, loop));
    SR_DO(fetches->helper_.start());
    return fetches;
}

Fetches::~Fetches() {
    loop_.cancel_timer(ending_timer_);
}

std::optional<Fetches::Fetched> Fetches::find(const Order& order) const {
    const Key key{order.digest, order.size_bytes};
    if (const auto known = fetched_.find(key); known != fetched_.end())
        if (auto blob = known->second.lock()) return blob;
    const auto failure = failures_.find(key);
    if (failure == failures_.end() || failure->second.forgotten_at <= loop_.now())
        return std::nullopt;
    return std::unexpected(failure->second.error);
}

Fetches::WishId Fetches::want(const Order& order, OnEnd on_end) {
    const Key key{order.digest, order.size_bytes};
    const WishId id{++last_wish_};
    wishes_.emplace(id, Wish{key, std::move(on_end)});
    const auto [fetch, is_new] = fetches_.try_emplace(key, Fetch{.urgency = order.urgency});
    fetch->second.wishes.insert(id);
    if (is_new)
        queue(key, order.urgency);
    else if (order.urgency == Urgency::demand)
        promote(id);
    begin_waiting();
    return id;
}

void Fetches::promote(WishId id) {
    const auto wish = wishes_.find(id);
    if (wish == wishes_.end()) return;
    const auto found = fetches_.find(wish->second.key);
    if (found == fetches_.end()) return;  // Its end is about to be told.
    Fetch& fetch = found->second;
    if (std::exchange(fetch.urgency, Urgency::demand) == Urgency::demand) return;
    if (fetch.job) return helper_.promote(*fetch.job);
    queue(found->first, Urgency::demand);
    begin_waiting();
}

void Fetches::drop(WishId id) {
    const auto wish = wishes_.extract(id);
    if (wish.empty()) return;
    const auto found = fetches_.find(wish.mapped().key);
    if (found == fetches_.end()) return;
    found->second.wishes.erase(id);
    if (!found->second.wishes.empty()) return;
    // Its end is still reported, and makes room for another.
    if (const auto job = found->second.job) helper_.cancel(*job);
    fetches_.erase(found);
}

void Fetches::queue(const Key& key, Urgency urgency) {
    std::deque<Key>& keys = urgency == Urgency::demand ? demands_ : prefetches_;
    keys.push_back(key);
    // While no turn comes, whoever wishes and goes, again and again, must not fill our memory.
    if (keys.size() > 2 * fetches_.size() + kQueueSlack) drop_stale(keys);
}

/// Keeps the first of each that still waits.
void Fetches::drop_stale(std::deque<Key>& keys) {
    std::set<Key> seen;
    std::erase_if(keys, [&](const Key& key) {
        const auto found = fetches_.find(key);
        return found == fetches_.end() || found->second.job || !seen.insert(key).second;
    });
}

void Fetches::begin_waiting() {
    if (begin_waiting_of(Urgency::demand)) (void)begin_waiting_of(Urgency::prefetch);
}

/// False when there was no room for all of them.
bool Fetches::begin_waiting_of(Urgency urgency) {
    std::deque<Key>& keys = urgency == Urgency::demand ? demands_ : prefetches_;
    while (!keys.empty()) {
        const Key key = keys.front();
        const auto found = fetches_.find(key);
        const bool is_due =
            found != fetches_.end() && !found->second.job && found->second.urgency == urgency;
        const auto begun = is_due ? begin(key, found->second) : Result<void>();
        if (!begun && is_passing(begun.error().code)) return false;
        keys.pop_front();
        if (!begun) end_soon(key, begun.error());
    }
    return true;
}

Result<void> Fetches::begin(const Key& key, Fetch& fetch) {
    SR_ASSERT(session_ != nullptr);
    SR_TRY(sys::StagedFile file, session_->stage_file());
    sys::UniqueFd copy(::fcntl(file.fd(), F_DUPFD_CLOEXEC, 0));
    if (!copy) return fail_errno("hand over a file for blob {}", blob::to_hex(key.digest));
    fetcher::FetchOrder order{.size_bytes = key.size_bytes.value_or(0),
                              .size_max_bytes = key.size_bytes.value_or(size_max_bytes_),
                              .digest = key.digest,
                              .urgency = fetch.urgency};
    const auto send = [&](fetcher::FetcherProcess& process, fetcher::JobId job) {
        order.job = job;
        return process.fetch(order, std::move(copy));
    };
    SR_TRY(const fetcher::JobId job,
           helper_.order(send,
                         [this, key](const fetcher::Report& report) { on_report(key, report); }));
    fetch.job = job;
    fetch.file.emplace(std::move(file));
    return {};
}

void Fetches::on_report(const Key& key, const fetcher::Report& report) {
    const auto found = fetches_.find(key);
    // Else nobody wants it any more, or somebody again, for whom there is another job.
    if (found != fetches_.end() && found->second.job == report.job) {
        auto& written = found->second.file;
        SR_ASSERT(written.has_value());
        sys::StagedFile file = *std::move(written);
        const bool is_complete = report.outcome == fetcher::Outcome::complete;
        const Fetched fetched =
            is_complete ? accept(key, std::move(file)) : std::unexpected(error_of(report));
        if (!fetched) remember(key, fetched.error());
        end(key, fetched);
    }
    begin_waiting();
}

/// The fetcher has closed the file, or says so.
Fetches::Fetched Fetches::accept(const Key& key, sys::StagedFile file) {
    SR_DO(file.give_up_writing());
    SR_TRY(const struct stat status, sys::status_of(file.fd()));
    const auto settled = sys::prove_no_writer(file.fd());
    if (!settled)
        log(LogLevel::warning, "blob {} was fetched, but is not kept: {}", blob::to_hex(key.digest),
            settled.error().message);
    const blob::StoredBlob blob{key.digest, static_cast<std::uint64_t>(status.st_size)};
    auto fetched = std::make_shared<FetchedBlob>(
        FetchedBlob{blob, std::move(file), settled.has_value(), false});
    std::erase_if(fetched_, [](const auto& each) { return each.second.expired(); });
    fetched_.insert_or_assign(key, fetched);
    return fetched;
}

Error Fetches::error_of(const fetcher::Report& report) const {
    switch (report.outcome) {
        case fetcher::Outcome::not_found:
            return {ENOENT, fmt::format("no origin has it: {}", report.reason)};
        case fetcher::Outcome::wrong_digest:
            return {EIO, fmt::format("no origin has the right bytes: {}", report.reason)};
        case fetcher::Outcome::too_large:
            return {EFBIG, fmt::format("it is larger than it may be (store.fetch_size_max_mib): {}",
                                       report.reason)};
        case fetcher::Outcome::complete:
        case fetcher::Outcome::failed:
        case fetcher::Outcome::cancelled:
            break;
    }
    return {report.code == 0 ? EIO : report.code,
            fmt::format("fetching it failed: {}",
                        report.reason.empty() ? errno_text(report.code) : report.reason)};
}

/// What was under way is asked of the next fetcher, with new files, unless it seems to be what
/// kills them.
void Fetches::on_lost() {
    for (auto& [key, fetch] : fetches_) {
        if (!fetch.job) continue;
        fetch.job.reset();
        fetch.file.reset();
        if (++fetch.lost_count > kFetchersLostMax)
            end_soon(key, {EIO, "the fetcher ended over it again and again"});
        else
            queue(key, fetch.urgency);
    }
}

void Fetches::end_soon(const Key& key, Error error) {
    ending_.emplace_back(key, std::move(error));
    if (ending_.size() > 1) return;
    ending_timer_ = loop_.set_timer(loop_.now(), [this] {
        for (const auto& [each, why] : std::exchange(ending_, {})) end(each, std::unexpected(why));
    });
}

void Fetches::end(const Key& key, const Fetched& fetched) {
    const auto fetch = fetches_.extract(key);
    if (fetch.empty()) return;
    for (const WishId id : fetch.mapped().wishes) {
        auto wish = wishes_.extract(id);  // Somebody who was told may have dropped others.
        if (!wish.empty()) wish.mapped().on_end(fetched);
    }
}

void Fetches::remember(const Key& key, const Error& error) {
    const MonoTime now = loop_.now();
    std::erase_if(failures_, [now](const auto& each) { return each.second.forgotten_at <= now; });
    if (failures_.size() < kFailuresMax)
        failures_.insert_or_assign(key, Failure{now + kFailureMemory, error});
}

}  // namespace shardrun::trees
