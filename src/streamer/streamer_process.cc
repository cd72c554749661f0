#include "streamer/streamer_process.h"

#include <array>
#include <cerrno>
#include <span>

#include "base/fail.h"
#include "sys/seqpacket.h"

namespace shardrun::streamer {
namespace {

// Rings, epoll and the like.
constexpr rlim_t kOwnFiles = 64;
// Its arenas, registered with the kernel.
constexpr rlim_t kLockedBytes = rlim_t{64} << 20U;

}  // namespace

Result<StreamerProcess> StreamerProcess::start(const StreamerConfig& config) {
    const sys::HelperPlan plan{
        .program = config.program,
        .arguments = {std::to_string(config.prefetch_workers),
                      std::to_string(config.prefetch_in_flight_bytes),
                      config.has_ring ? "ring" : "no-ring"},
        .uid = config.uid,
        .gid = config.gid,
        .files_max = 2 * config.jobs_max + kOwnFiles,
        .locked_bytes_max = kLockedBytes,
    };
    SR_TRY(sys::HelperProcess helper, sys::HelperProcess::start(plan));
    return StreamerProcess(std::move(helper), config.jobs_max);
}

Result<void> StreamerProcess::fill(const FillOrder& order, sys::UniqueFd source,
                                   sys::UniqueFd destination) {
    const std::size_t bound =
        order.urgency == Urgency::demand ? jobs_max_ : jobs_max_ - jobs_max_ / 4;
    if (jobs_under_way_ >= bound)
        return refuse(EAGAIN, "the streamer has {} jobs under way already", jobs_under_way_);
    SR_DO(send({order, std::move(source), std::move(destination)}));
    ++jobs_under_way_;
    return {};
}

/// In the order they came, whatever the socket has room for.
Result<void> StreamerProcess::send(Unsent order) {
    unsent_.push_back(std::move(order));
    return flush();
}

Result<void> StreamerProcess::flush() {
    while (!unsent_.empty()) {
        SR_TRY(const bool is_sent, try_send(unsent_.front()));
        if (!is_sent) return {};
        unsent_.pop_front();
    }
    return {};
}

Result<bool> StreamerProcess::try_send(const Unsent& order) const {
    const std::vector<std::byte> bytes = encode(order.order);
    const std::array<std::span<const std::byte>, 1> parts{bytes};
    const std::array fds{order.source.get(), order.destination.get()};
    const auto done = sys::send_packet(
        fd(), parts, order.source ? std::span<const int>(fds) : std::span<const int>());
    if (done) return true;
    if (done.error().code == EAGAIN || done.error().code == EINTR) return false;
    return refuse(EPIPE, "the streamer is gone");
}

Result<std::vector<Report>> StreamerProcess::next_reports() {
    std::vector<Report> reports;
    while (true) {
        SR_TRY(const sys::Packet packet, sys::receive_packet(fd(), kMessageSizeMax));
        if (packet.is_empty) return reports;
        // What it reported before its end counts.
        if (packet.is_end && !reports.empty()) return reports;
        if (packet.is_end) return refuse(EPIPE, "the streamer is gone");
        SR_TRY(const Report report, decode_report(packet.bytes));
        if (jobs_under_way_ > 0) --jobs_under_way_;
        reports.push_back(report);
    }
}

}  // namespace shardrun::streamer
