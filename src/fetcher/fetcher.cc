#include "fetcher/fetcher.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/fail.h"
#include "fetcher/blob_place.h"

namespace shardrun::fetcher {
namespace {

std::vector<std::string> names_of(const std::vector<Origin>& origins) {
    std::vector<std::string> names;
    names.reserve(origins.size());
    for (const Origin& origin : origins) names.push_back(origin.name);
    return names;
}

std::uint64_t seed_of(const FetchOptions& options, Clock& clock) {
    return options.seed != 0 ? options.seed
                             : static_cast<std::uint64_t>(clock.now().time_since_epoch().count());
}

}  // namespace

Fetcher::Fetcher(int control, const FetchOptions& options, Clock& clock)
    : control_(control),
      options_(&options),
      clock_(&clock),
      rng_(seed_of(options, clock)),
      names_(names_of(options.origins)),
      slots_(options.transfers_max) {}

Result<void> Fetcher::start() {
    for (const Origin& origin : options_->origins) {
        OpenDirectory& directory = directories_.emplace_back();
        if (origin.kind != Origin::Kind::directory) continue;
        directory.fd.reset(::open(origin.name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        directory.open_errno = directory.fd ? 0 : errno;
    }
    SR_TRY(http_, HttpClient::create(*options_));
    return {};
}

std::vector<int> Fetcher::directories() const {
    std::vector<int> fds;
    for (const OpenDirectory& directory : directories_)
        if (directory.fd) fds.push_back(directory.fd.get());
    return fds;
}

Result<void> Fetcher::run() {
    while (true) {
        SR_TRY(const bool goes_on, receive_all());
        if (!goes_on) return {};
        fire_timers();
        begin_waiting_transfers();
        for (const auto& finished : http_->perform()) on_transfer_end(finished.job, finished.end);
        step_reads();
        begin_waiting_transfers();
        SR_DO(http_->wait(control_, time_to_wait()));
    }
}

/// False when the other end is gone.
Result<bool> Fetcher::receive_all() {
    while (true) {
        SR_TRY(sys::Packet packet,
               sys::receive_packet(control_, kOrderSizeMax, sys::LostFds::tolerated));
        if (packet.is_end) return false;
        if (packet.is_empty) return true;
        on_packet(std::move(packet));
    }
}

void Fetcher::on_packet(sys::Packet packet) {
    const auto order = decode_order(packet.bytes);
    if (!order) return;  // Not from whom we serve; there is nobody to tell.
    if (const auto* fetch = std::get_if<FetchOrder>(&*order))
        on_fetch(*fetch, std::move(packet));
    else if (const auto* promote = std::get_if<PromoteOrder>(&*order))
        on_promote(promote->job);
    else
        on_cancel(std::get<CancelOrder>(*order).job);
}

void Fetcher::on_fetch(const FetchOrder& order, sys::Packet packet) {
    const bool is_known = jobs_.contains(order.job);
    if (packet.fds.size() != 1 || is_known) {
        const int code = is_known ? EEXIST : packet.has_lost_fds ? EMFILE : EBADF;
        packet.fds.clear();
        return send({.job = order.job,
                     .outcome = Outcome::failed,
                     .code = code,
                     .reason = "the order is not as it should be: " + errno_text(code)});
    }
    const MonoTime now = clock_->now();
    auto job = std::make_unique<Job>(Job{order, now, Destination(std::move(packet.fds[0]), order),
                                         FetchPlan(names_, options_->retry, now)});
    Job& placed = *job;
    jobs_.emplace(order.job, std::move(job));
    perform(placed, placed.plan.begin());
}

void Fetcher::on_promote(JobId id) {
    slots_.promote(id);
    // For what follows a pause.
    if (const auto found = jobs_.find(id); found != jobs_.end())
        found->second->order.urgency = Urgency::demand;
}

void Fetcher::on_cancel(JobId id) {
    if (const auto found = jobs_.find(id); found != jobs_.end())
        conclude(id, found->second->plan.on_cancel());
}

/// The job is gone afterwards if that was the last step.
void Fetcher::perform(Job& job, const Step& step) {
    job.wake = MonoTime::max();
    if (const auto* ask = std::get_if<Ask>(&step)) {
        job.ask = *ask;
        slots_.add(job.order.job, job.order.urgency);
    } else if (const auto* wait = std::get_if<Wait>(&step)) {
        job.wake = wait->until;
    } else {
        conclude(job.order.job, std::get<Conclusion>(step));
    }
}

void Fetcher::begin_waiting_transfers() {
    while (const auto id = slots_.take()) begin_transfer(*jobs_.at(*id));
}

void Fetcher::begin_transfer(Job& job) {
    const Origin& origin = options_->origins[job.ask.origin];
    const std::string path = path_of(job.order.digest, job.ask.layout);
    if (origin.kind == Origin::Kind::http) {
        const auto begun =
            http_->begin(job.order.job, origin.name + "/" + path, job.destination, job.validator);
        if (!begun) on_transfer_end(job.order.job, end_of_error(begun.error(), job.destination));
        return;
    }
    const OpenDirectory& directory = directories_[job.ask.origin];
    if (directory.fd) {
        job.reading = std::make_unique<DirectoryRead>(directory.fd.get(), path, job.destination);
        return;
    }
    on_transfer_end(job.order.job,
                    {.kind = AttemptEnd::Kind::refused,
                     .code = directory.open_errno,
                     .cause = "cannot be opened: " + errno_text(directory.open_errno),
                     .bytes_there = job.destination.size_bytes()});
}

void Fetcher::on_transfer_end(JobId id, const AttemptEnd& end) {
    Job& job = *jobs_.at(id);
    slots_.remove(id);
    job.reading.reset();
    perform(job, job.plan.on_end(end, clock_->now(), rng_));
}

void Fetcher::conclude(JobId id, const Conclusion& conclusion) {
    http_->abort(id);
    slots_.remove(id);
    const Job& job = *jobs_.at(id);
    const auto elapsed = clock_->now() - job.begun;
    const Report report{.job = id,
                        .outcome = conclusion.outcome,
                        .origin = conclusion.origin,
                        .code = conclusion.code,
                        .http_status = conclusion.http_status,
                        .size_bytes = job.destination.size_bytes(),
                        .elapsed_ns = static_cast<std::uint64_t>(elapsed.count()),
                        .attempts = conclusion.attempts,
                        .reason = conclusion.reason};
    jobs_.erase(id);  // Whoever hears of its end finds nobody else with the file open.
    send(report);
}

void Fetcher::send(const Report& report) const {
    const std::vector<std::byte> bytes = encode(report);
    // Waits when the other end is slow; an error means that it is gone, which the next receive
    // sees.
    while (::send(control_, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
}

/// One piece of each.
void Fetcher::step_reads() {
    std::vector<std::pair<JobId, AttemptEnd>> ended;
    for (const auto& [id, job] : jobs_) {
        if (!job->reading) continue;
        if (auto end = job->reading->step()) ended.emplace_back(id, *std::move(end));
    }
    for (const auto& [id, end] : ended) on_transfer_end(id, end);
}

void Fetcher::fire_timers() {
    const MonoTime now = clock_->now();
    std::vector<JobId> due;
    for (const auto& [id, job] : jobs_)
        if (std::min(job->wake, job->plan.deadline()) <= now) due.push_back(id);
    for (const JobId id : due) {
        Job& job = *jobs_.at(id);
        if (job.plan.deadline() <= now)
            conclude(id, job.plan.on_deadline());
        else
            perform(job, job.plan.on_wake());
    }
}

std::chrono::milliseconds Fetcher::time_to_wait() const {
    constexpr std::chrono::milliseconds kLongest{60'000};
    MonoTime next = MonoTime::max();
    for (const auto& [id, job] : jobs_) {
        if (job->reading) return std::chrono::milliseconds(0);
        next = std::min({next, job->wake, job->plan.deadline()});
    }
    if (next == MonoTime::max()) return kLongest;
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(next - clock_->now());
    return std::clamp(rest, std::chrono::milliseconds(0), kLongest);
}

}  // namespace shardrun::fetcher
