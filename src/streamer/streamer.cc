#include "streamer/streamer.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <latch>
#include <utility>

#include "base/fail.h"

namespace shardrun::streamer {
namespace {

constexpr unsigned kDemandChunks = 16;
constexpr unsigned kDemandSmall = 64;
constexpr unsigned kPrefetchChunks = 16;
constexpr unsigned kPrefetchSmall = 128;
// A large file's reads ahead of its hash: enough to keep a disk busy.
constexpr std::size_t kReadsPerFlow = 8;
// Several of them together keep it busy.
constexpr std::size_t kReadsPerPrefetch = 4;
// What a prefetch worker takes up at once: many small files, or as many large ones as are hashed
// together; the others find the next.
constexpr std::uint64_t kPrefetchBytes = std::uint64_t{1} << 20U;
// What is hashed ahead of time must not hold up what is waited for.
constexpr int kPrefetchNice = 10;

Result<void> add_event(int events, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(events, EPOLL_CTL_ADD, fd, &event) != 0)
        return fail_errno("watch a descriptor");
    return {};
}

}  // namespace

Streamer::Streamer(int control, const StreamerOptions& options)
    : control_(control), options_(options), budget_(options.prefetch_in_flight_bytes) {}

Streamer::~Streamer() {
    prefetches_.close();
    for (std::thread& worker : workers_) worker.join();
}

std::unique_ptr<ReadRing> Streamer::make_ring(unsigned chunk_slots, unsigned small_slots) const {
    if (!options_.has_ring) return nullptr;
    auto ring = ReadRing::create(chunk_slots, small_slots);
    return ring ? *std::move(ring) : nullptr;  // A kernel without rings reads all the same.
}

Result<void> Streamer::start() {
    wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    events_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!wake_ || !events_) return fail_errno("make descriptors to wait for");
    SR_DO(add_event(events_.get(), control_));
    SR_DO(add_event(events_.get(), wake_.get()));
    const Engine::Config config{.reads_per_flow_max = kReadsPerFlow};
    demand_ = std::make_unique<Engine>(make_ring(kDemandChunks, kDemandSmall), config,
                                       [this](std::span<const Report> done) { report(done); });
    std::latch ready(static_cast<std::ptrdiff_t>(options_.prefetch_workers));
    for (unsigned i = 0; i < options_.prefetch_workers; ++i)
        workers_.emplace_back([this, &ready] { prefetch([&] { ready.count_down(); }); });
    ready.wait();
    return {};
}

/// One prefetch worker's life.
void Streamer::prefetch(const std::function<void()>& on_ready) {
    (void)::setpriority(PRIO_PROCESS, 0,
                        kPrefetchNice);  // Of this thread. Only the speed hangs on it.
    const Engine::Config config{.flows_max = kPrefetchSmall,
                                .bytes_max = kPrefetchBytes,
                                .reads_per_flow_max = kReadsPerPrefetch,
                                .reads_awaited = blob::kTogether,
                                .budget = &budget_,
                                .hands_over_promoted = true};
    Engine engine(
        make_ring(kPrefetchChunks, kPrefetchSmall), config,
        [this](std::span<const Report> done) { report(done); },
        [this](std::unique_ptr<Flow> flow) {
            handed_over_.push(std::move(flow));
            const std::uint64_t one = 1;
            (void)!::write(wake_.get(), &one, sizeof one);  // Full means readable.
        });
    on_ready();
    while (!prefetches_.is_closed()) {
        while (engine.has_room()) {
            auto flow = prefetches_.pop(engine.flow_count());
            if (!flow) break;
            flow->begin();
            engine.add(std::move(flow));
        }
        engine.run_once(-1);
    }
}

Result<void> Streamer::run() {
    while (true) {
        SR_TRY(const bool goes_on, receive_all());
        if (!goes_on) return {};
        drain_handed_over();
        if (!demand_->is_idle()) {
            demand_->run_once(events_.get());
            continue;
        }
        epoll_event event{};
        if (::epoll_wait(events_.get(), &event, 1, -1) < 0 && errno != EINTR)
            return fail_errno("wait for orders");
    }
}

void Streamer::drain_handed_over() {
    std::uint64_t count = 0;
    (void)!::read(wake_.get(), &count, sizeof count);  // Nothing there is fine.
    while (auto flow = handed_over_.pop(1)) demand_->add(std::move(flow));
}

/// False when the other end is gone.
Result<bool> Streamer::receive_all() {
    while (demand_->has_room()) {
        SR_TRY(sys::Packet packet,
               sys::receive_packet(control_, kPacketSizeMax, sys::LostFds::tolerated,
                                   sys::kPacketFdsMax));
        if (packet.is_end) return false;
        if (packet.is_empty) break;
        on_packet(std::move(packet));
    }
    return true;
}

void Streamer::on_packet(sys::Packet packet) {
    const auto orders = decode_orders(packet.bytes);
    if (!orders) return;  // Not from whom we serve; there is nobody to tell.
    auto fd = packet.fds.begin();
    for (const Order& order : *orders) {
        if (const auto* promote = std::get_if<PromoteOrder>(&order)) {
            on_promote(promote->job);
        } else if (const auto* cancel = std::get_if<CancelOrder>(&order)) {
            on_cancel(cancel->job);
        } else if (const auto& fill = std::get<FillOrder>(order); packet.fds.end() - fd >= 2) {
            on_fill(fill, std::move(fd[0]), std::move(fd[1]));
            fd += 2;
        } else {
            fd = packet.fds.end();
            refuse_fill(fill, packet.has_lost_fds ? EMFILE : EBADF);
        }
    }
}

void Streamer::refuse_fill(const FillOrder& order, int code) {
    const Report refused{order.job, Outcome::failed, code};
    report({&refused, 1});
}

void Streamer::on_fill(const FillOrder& order, sys::UniqueFd source, sys::UniqueFd destination) {
    const auto now = std::chrono::steady_clock::now();
    auto wishes = std::make_shared<Wishes>();
    {
        const std::lock_guard lock(jobs_mutex_);
        jobs_[order.job] = wishes;
    }
    auto flow = std::make_unique<Flow>(
        Job{order, std::move(source), std::move(destination), std::move(wishes), now});
    if (order.urgency == Urgency::prefetch) return prefetches_.push(std::move(flow));
    budget_.note_urgent();
    take_over(std::move(flow));
}

void Streamer::take_over(std::unique_ptr<Flow> flow) {
    flow->begin();
    demand_->add(std::move(flow));
}

void Streamer::on_promote(JobId job) {
    budget_.note_urgent();
    // Still waiting: it begins here. Else whoever moves it hands it over at its next piece.
    if (auto flow = prefetches_.take(job)) return take_over(std::move(flow));
    const std::lock_guard lock(jobs_mutex_);
    if (const auto found = jobs_.find(job); found != jobs_.end()) found->second->is_promoted = true;
}

void Streamer::on_cancel(JobId job) {
    const std::lock_guard lock(jobs_mutex_);
    if (const auto found = jobs_.find(job); found != jobs_.end())
        found->second->is_cancelled = true;
}

void Streamer::report(std::span<const Report> reports) {
    {
        const std::lock_guard lock(jobs_mutex_);
        for (const Report& each : reports) jobs_.erase(each.job);
    }
    while (!reports.empty()) {
        const auto some = reports.first(std::min(reports.size(), kMessagesPerPacketMax));
        reports = reports.subspan(some.size());
        send(some);
    }
}

/// Waits when the other end is slow; an error means that it is gone, which the next receive sees.
void Streamer::send(std::span<const Report> reports) const {
    std::vector<std::byte> bytes;
    for (const Report& each : reports) std::ranges::copy(encode(each), std::back_inserter(bytes));
    while (::send(control_, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
}

}  // namespace shardrun::streamer
