#include "bench/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace shardrun::bench {
namespace {

double rounded(double value) {
    return std::round(value * 10) / 10;
}

std::string ratio(double value, double bare) {
    return bare > 0 && value > 0 ? fmt::format("{:.2f}", value / bare) : "-";
}

std::string number(double value) {
    return value > 0 ? fmt::format("{:.0f}", value) : "-";
}

}  // namespace

std::string render_table(const std::vector<Sample>& samples) {
    const Sample* bare = find_sample(samples, "bare");
    const double bare_p50 = bare == nullptr ? 0 : bare->p50();
    const double bare_rate = bare == nullptr ? 0 : bare->per_second.value_or(0);
    std::string text = fmt::format("{:<24} {:>8} {:>8} {:>8} {:>8} {:>8}  {}\n", "NAME", "P50 us",
                                   "P99 us", "TO BARE", "PER S", "TO BARE", "WHAT");
    for (const Sample& sample : samples) {
        const double rate = sample.per_second.value_or(0);
        text +=
            fmt::format("{:<24} {:>8} {:>8} {:>8} {:>8} {:>8}  {}\n", sample.name,
                        number(sample.p50()), number(sample.p99()), ratio(sample.p50(), bare_p50),
                        number(rate), ratio(rate, bare_rate), sample.what);
    }
    return text;
}

std::string render_verdicts(const std::vector<Verdict>& verdicts) {
    std::size_t claim_width = 0;
    std::size_t measured_width = 0;
    constexpr std::size_t kWidthMax = 40;
    for (const Verdict& verdict : verdicts) {
        claim_width = std::max(claim_width, verdict.claim.size());
        measured_width = std::max(measured_width, std::min(verdict.measured.size(), kWidthMax));
    }
    std::string text;
    for (const Verdict& verdict : verdicts)
        text += fmt::format("{:<6}  {:<{}}  {:<{}}  {}\n", verdict.is_met ? "met" : "missed",
                            verdict.claim, claim_width, verdict.measured, measured_width,
                            verdict.bound);
    return text;
}

std::string render_json(const std::vector<Sample>& samples) {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const Sample& sample : samples) {
        nlohmann::ordered_json row{{"name", sample.name},
                                   {"p50_us", nullptr},
                                   {"p99_us", nullptr},
                                   {"per_second", nullptr}};
        if (!sample.times_us.empty()) {
            row["p50_us"] = rounded(sample.p50());
            row["p99_us"] = rounded(sample.p99());
        }
        if (sample.per_second) row["per_second"] = rounded(*sample.per_second);
        rows.push_back(row);
    }
    return rows.dump(2) + "\n";
}

}  // namespace shardrun::bench
