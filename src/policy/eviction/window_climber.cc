#include "policy/eviction/window_climber.h"

#include <algorithm>
#include <cmath>

namespace shardrun::policy {
namespace {

constexpr double kWindowFirst = 0.01;
constexpr double kWindowMost = 0.8;
constexpr double kStepFirst = 0.0625;
constexpr double kStepDecay = 0.98;
constexpr double kRestartChange = 0.05;

}  // namespace

std::uint64_t WindowClimber::restart(std::uint64_t bound) {
    bound_ = bound;
    window_ = std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(kWindowFirst * static_cast<double>(bound)));
    step_ = kStepFirst * static_cast<double>(bound);
    return window_;
}

bool WindowClimber::count(bool is_hit, std::uint64_t sample_size) {
    ++requests_;
    if (is_hit) ++hits_;
    return requests_ >= sample_size;
}

std::uint64_t WindowClimber::next() {
    const double ratio = static_cast<double>(hits_) / static_cast<double>(requests_);
    const double change = ratio - hit_ratio_before_;
    const double direction = change >= 0 ? step_ : -step_;
    const double most = kWindowMost * static_cast<double>(bound_);
    window_ = static_cast<std::uint64_t>(
        std::clamp(static_cast<double>(window_) + direction, 1.0, std::max(most, 1.0)));
    step_ = std::abs(change) >= kRestartChange
                ? std::copysign(kStepFirst * static_cast<double>(bound_), direction)
                : kStepDecay * direction;
    hit_ratio_before_ = ratio;
    requests_ = 0;
    hits_ = 0;
    return window_;
}

}  // namespace shardrun::policy
