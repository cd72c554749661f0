#include "fetcher/fetcher_process.h"

#include "base/fail.h"

namespace shardrun::fetcher {
namespace {

// The origins' directories, wake-ups and the like.
constexpr rlim_t kOwnFiles = 64 + kOriginsMax;
// Each transfer has a connection or a file, and while it looks a name up, some more.
constexpr rlim_t kFilesPerTransfer = 8;

}  // namespace

Result<FetcherProcess> FetcherProcess::start(const FetcherConfig& config) {
    const sys::HelperPlan plan{
        .program = config.program,
        .arguments = to_arguments(config.options),
        .uid = config.uid,
        .gid = config.gid,
        .files_max = config.jobs_max + kFilesPerTransfer * config.options.transfers_max + kOwnFiles,
    };
    SR_TRY(sys::HelperProcess helper, sys::HelperProcess::start(plan));
    return FetcherProcess(sys::HelperLink(std::move(helper), "the fetcher", config.jobs_max));
}

Result<void> FetcherProcess::fetch(const FetchOrder& order, sys::UniqueFd file) {
    std::vector<sys::UniqueFd> fds;
    fds.push_back(std::move(file));
    const bool is_demand = order.urgency == Urgency::demand;
    return link_.send_job(is_demand ? sys::JobKind::urgent : sys::JobKind::other, encode(order),
                          std::move(fds));
}

Result<std::vector<Report>> FetcherProcess::next_reports() {
    return link_.next(kReportSizeMax,
                      [](std::span<const std::byte> bytes) -> Result<std::vector<Report>> {
                          SR_TRY(Report report, decode_report(bytes));
                          return std::vector{std::move(report)};
                      });
}

}  // namespace shardrun::fetcher
