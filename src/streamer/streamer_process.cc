#include "streamer/streamer_process.h"

#include <unistd.h>

#include <algorithm>

#include "base/fail.h"

namespace shardrun::streamer {
namespace {

// Rings, epoll and the like.
constexpr rlim_t kOwnFiles = 64;
// Its arenas, registered with the kernel.
constexpr rlim_t kLockedBytes = rlim_t{64} << 20U;

// What a flow reads at once; the rest it finds out by itself.
constexpr std::uint64_t kLookedAtBytes = std::uint64_t{256} << 10U;
constexpr std::uint64_t kPageBytes = 4096;

/// The streamer may not look by itself: it does not own the file. To try a read would make the
/// kernel read ahead what is read again directly. Source: cachestat(2), Linux 6.5.
Residence residence_of(int file, std::uint64_t size_bytes) {
    constexpr long kCachestat = 451;
    struct Range {
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
    };
    struct Statistics {
        std::uint64_t cached, dirty, written, evicted, evicted_recently;
    };
    const Range range{0, std::min(size_bytes, kLookedAtBytes)};
    Statistics found{};
    if (range.length == 0 || ::syscall(kCachestat, file, &range, &found, 0) != 0)
        return Residence::unknown;
    const std::uint64_t pages = (range.length + kPageBytes - 1) / kPageBytes;
    return found.cached >= pages ? Residence::cached : Residence::absent;
}

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
    return StreamerProcess(
        sys::HelperLink(std::move(helper), "the streamer", config.jobs_max, kMessagesPerPacketMax));
}

Result<void> StreamerProcess::fill(const FillOrder& order, sys::UniqueFd source,
                                   sys::UniqueFd destination) {
    FillOrder informed = order;
    if (order.residence == Residence::unknown)
        informed.residence = residence_of(source.get(), order.size_bytes);
    std::vector<sys::UniqueFd> fds;
    fds.push_back(std::move(source));
    fds.push_back(std::move(destination));
    const bool is_demand = order.urgency == Urgency::demand;
    return link_.send_job(is_demand ? sys::JobKind::urgent : sys::JobKind::other, encode(informed),
                          std::move(fds));
}

Result<std::vector<Report>> StreamerProcess::next_reports() {
    return link_.next(kPacketSizeMax, decode_reports);
}

}  // namespace shardrun::streamer
