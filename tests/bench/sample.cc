#include "bench/sample.h"

#include <algorithm>
#include <cmath>

namespace shardrun::bench {

double Sample::percentile(double share) const {
    if (times_us.empty()) return 0;
    std::vector<double> sorted = times_us;
    const double rank = std::ceil(share * static_cast<double>(sorted.size())) - 1;
    const auto at = static_cast<std::size_t>(std::max(rank, 0.0));
    std::ranges::nth_element(sorted, sorted.begin() + static_cast<std::ptrdiff_t>(at));
    return sorted[at];
}

const Sample* find_sample(const std::vector<Sample>& samples, const std::string& name) {
    const auto at =
        std::ranges::find_if(samples, [&](const Sample& sample) { return sample.name == name; });
    return at == samples.end() ? nullptr : &*at;
}

double now_us() {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double, std::micro>(since).count();
}

}  // namespace shardrun::bench
