#include <numeric>

#include "base/fail.h"
#include "bench/census.h"
#include "bench/contender.h"
#include "bench/endurance.h"
#include "bench/private_view.h"

namespace shardrun::bench {
namespace {

constexpr unsigned kWarmUpLaunches = 300;
// The allocator's own ups and downs; a leak of 100 bytes per launch would exceed it.
constexpr std::uint64_t kGrowthMaxKib = 192;
// What two quarters of the same load differ by on a machine that others use too.
constexpr double kQuarterRatioMin = 0.95;

Result<Sample> launch_in_a_row(const Launch& launch, unsigned count) {
    Sample sample{"soak", fmt::format("{} cold launches in a row", count), {}, {}};
    const double started = now_us();
    for (unsigned i = 0; i < count; ++i) {
        const double began = now_us();
        SR_DO(launch());
        sample.times_us.push_back(now_us() - began);
    }
    sample.per_second = count * 1e6 / (now_us() - started);
    return sample;
}

double rate_of(const std::vector<double>& times, std::size_t from, std::size_t to) {
    const auto at = [&](std::size_t i) { return times.begin() + static_cast<std::ptrdiff_t>(i); };
    return static_cast<double>(to - from) * 1e6 / std::accumulate(at(from), at(to), 0.0);
}

Verdict judge_quarters(const Sample& sample) {
    const std::size_t quarter = sample.times_us.size() / 4;
    const double first = rate_of(sample.times_us, 0, quarter);
    const double last =
        rate_of(sample.times_us, sample.times_us.size() - quarter, sample.times_us.size());
    return {"launches/s of the last quarter", fmt::format("{:.0f}/s", last),
            fmt::format("at least {} of the first quarter's {:.0f}/s", kQuarterRatioMin, first),
            last >= kQuarterRatioMin * first};
}

}  // namespace

Result<Endurance> measure_soak(const Options& options, const std::string& folder) {
    Stage stage;
    SR_DO(add_own(stage, options, folder, false));
    const SupervisorProcess& supervisor = *stage.supervisors.front();
    share_with_children(supervisor.pid());
    for (const Contender& contender : stage.contenders) {
        if (contender.name != "supervisor-cold") continue;
        SR_TRY(const Launch launch, contender.open());
        SR_TRY(const Sample ignored, launch_in_a_row(launch, kWarmUpLaunches));
        const Census before = Census::settled(supervisor, Census{});
        // The kernel takes network namespaces down in batches behind the launches. Until that has
        // begun, the processors belong to the launches alone, and the first quarter would be ahead.
        SR_TRY(const Sample run_up, launch_in_a_row(launch, kWarmUpLaunches));
        SR_TRY(Sample sample, launch_in_a_row(launch, options.soak));
        const Census after = Census::settled(supervisor, before);
        const std::uint64_t grown =
            after.resident_kib - std::min(after.resident_kib, before.resident_kib);
        Endurance result;
        result.verdicts = {
            {fmt::format("nothing left after {} launches", options.soak), after.text(),
             "no more than before: " + before.text(), after.has_nothing_beyond(before)},
            {"memory of the supervisor", fmt::format("{} KiB more", grown),
             fmt::format("at most {} KiB more", kGrowthMaxKib), grown <= kGrowthMaxKib},
            judge_quarters(sample)};
        result.samples.push_back(std::move(sample));
        return result;
    }
    return refuse(ENOENT, "no supervisor to launch through");
}

}  // namespace shardrun::bench
