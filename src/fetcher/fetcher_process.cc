#include "fetcher/fetcher_process.h"

#include <algorithm>
#include <cerrno>

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
    return FetcherProcess(sys::HelperLink(std::move(helper), "the fetcher"), config.jobs_max);
}

Result<void> FetcherProcess::fetch(const FetchOrder& order, sys::UniqueFd file) {
    const std::size_t bound =
        order.urgency == Urgency::demand ? jobs_max_ : jobs_max_ - jobs_max_ / 4;
    if (jobs_under_way_ >= bound)
        return refuse(EAGAIN, "the fetcher has {} jobs under way already", jobs_under_way_);
    std::vector<sys::UniqueFd> fds;
    fds.push_back(std::move(file));
    SR_DO(link_.send(encode(order), std::move(fds)));
    ++jobs_under_way_;
    return {};
}

Result<std::vector<Report>> FetcherProcess::next_reports() {
    SR_TRY(std::vector<Report> reports, link_.next(kReportSizeMax, decode_report));
    // Never below 0, whatever it reports.
    jobs_under_way_ -= std::min(jobs_under_way_, reports.size());
    return reports;
}

}  // namespace shardrun::fetcher
