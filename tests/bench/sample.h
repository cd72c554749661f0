#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace shardrun::bench {

/// What one way of launching took: one time per launch, and how many per second it sustained.
struct Sample {
    std::string name;
    std::string what;  ///< for people
    std::vector<double> times_us;
    std::optional<double> per_second;

    /// The time that `share` (0..1) of the launches did not exceed; 0 without any.
    double percentile(double share) const;
    double p50() const { return percentile(0.5); }
    double p99() const { return percentile(0.99); }
};

/// The sample with this name, or null.
const Sample* find_sample(const std::vector<Sample>& samples, const std::string& name);

/// Microseconds since an arbitrary point.
double now_us();

}  // namespace shardrun::bench
