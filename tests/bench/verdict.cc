#include "bench/verdict.h"

#include <fmt/format.h>

namespace shardrun::bench {
namespace {

/// One time against a multiple of another, both p50 of the same run. Where the program alone takes
/// longer than the bound, nobody can meet it; then the verdict says so.
struct RatioBound {
    const char* claim;
    const char* name;
    const char* against;
    double factor_max;
};

constexpr double kFlatMax = 1.1;  // What two equal supervisors may differ by in one run.
constexpr double kRateMin = 700;

constexpr RatioBound kRatioBounds[] = {
    {"warm pool, to bare", "supervisor-warm", "bare", 1.4},
    {"warm pool, to bubblewrap", "supervisor-warm", "bwrap", 1.0 / 5},
    {"warm pool, to crun", "supervisor-warm", "crun", 1.0 / 7},
    {"nothing prepared, to bare", "supervisor-cold", "bare", 2.8},
    {"nothing prepared, to bubblewrap", "supervisor-cold", "bwrap", 1},
    {"command without supervisor, to bubblewrap", "cli-embedded", "bwrap", 1},
    {"exec into a shard, to crun exec", "supervisor-exec", "crun-exec", 1.0 / 8},
    {"flat with many host mounts", "supervisor-cold-mounts", "supervisor-cold", kFlatMax},
    {"flat with much memory held", "supervisor-cold-memory", "supervisor-cold", kFlatMax},
};

std::string describe(const RatioBound& bound, double ratio) {
    return bound.factor_max < 0.5 ? fmt::format("1/{:.1f}", 1 / ratio)
                                  : fmt::format("{:.2f} x", ratio);
}

std::string describe_bound(const RatioBound& bound, const Sample* bare, const Sample& against) {
    const std::string text = "at most " + describe(bound, bound.factor_max);
    const double floor = bare == nullptr ? 0 : bare->p50() / against.p50();
    if (floor <= bound.factor_max) return text;
    return fmt::format("{}; the program alone takes {}", text, describe(bound, floor));
}

}  // namespace

std::vector<Verdict> judge_launches(const std::vector<Sample>& samples) {
    std::vector<Verdict> verdicts;
    const Sample* bare = find_sample(samples, "bare");
    for (const RatioBound& bound : kRatioBounds) {
        const Sample* sample = find_sample(samples, bound.name);
        const Sample* against = find_sample(samples, bound.against);
        if (sample == nullptr || against == nullptr || against->times_us.empty()) continue;
        const double ratio = sample->p50() / against->p50();
        verdicts.push_back({bound.claim, describe(bound, ratio),
                            describe_bound(bound, bare, *against), ratio <= bound.factor_max});
    }
    const Sample* cold = find_sample(samples, "supervisor-cold");
    if (cold != nullptr && cold->per_second)
        verdicts.push_back(
            {"nothing prepared, sustained", fmt::format("{:.0f}/s", *cold->per_second),
             fmt::format("at least {:.0f}/s", kRateMin), *cold->per_second >= kRateMin});
    return verdicts;
}

}  // namespace shardrun::bench
