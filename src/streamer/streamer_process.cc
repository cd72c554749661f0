#include "streamer/streamer_process.h"

#include "base/fail.h"

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
    return StreamerProcess(sys::HelperLink(std::move(helper), "the streamer", config.jobs_max));
}

Result<void> StreamerProcess::fill(const FillOrder& order, sys::UniqueFd source,
                                   sys::UniqueFd destination) {
    std::vector<sys::UniqueFd> fds;
    fds.push_back(std::move(source));
    fds.push_back(std::move(destination));
    const bool is_demand = order.urgency == Urgency::demand;
    return link_.send_job(is_demand ? sys::JobKind::urgent : sys::JobKind::other, encode(order),
                          std::move(fds));
}

Result<std::vector<Report>> StreamerProcess::next_reports() {
    return link_.next(kMessageSizeMax, decode_report);
}

}  // namespace shardrun::streamer
