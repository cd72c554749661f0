#include "bench/alternate.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>
#include <optional>
#include <random>
#include <thread>

#include "base/fail.h"

namespace shardrun::bench {
namespace {

constexpr unsigned kWarmUpRounds = 5;
constexpr std::chrono::milliseconds kPause{5};
constexpr unsigned kSeed = 1;

Result<void> launch_timed(const Launch& launch, Sample& sample) {
    const double started = now_us();
    SR_DO(while_doing(launch(), "launch through '{}'", sample.name));
    sample.times_us.push_back(now_us() - started);
    std::this_thread::sleep_for(kPause);
    return {};
}

/// What the threads of one measurement share.
struct Load {
    std::atomic<bool> is_over{false};
    std::atomic<std::uint64_t> count{0};
    std::mutex mutex;
    std::optional<Error> error;

    void fail_with(const Error& failure) {
        const std::scoped_lock lock(mutex);
        if (!error) error = failure;
        is_over = true;
    }
};

void keep_launching(const Contender& contender, Load& load) {
    const Result<Launch> launch = contender.open();
    if (!launch) return load.fail_with(launch.error());
    while (!load.is_over) {
        const Result<void> done = (*launch)();
        if (!done) return load.fail_with(done.error());
        ++load.count;
    }
}

/// Launches per second after the first half second, in which everything is set up and filled.
double observe(Load& load, unsigned seconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    const std::uint64_t count = load.count;
    const double started = now_us();
    std::this_thread::sleep_for(std::chrono::seconds(seconds));
    return static_cast<double>(load.count - count) * 1e6 / (now_us() - started);
}

}  // namespace

Result<std::vector<Sample>> measure_latency(const std::vector<Contender>& contenders,
                                            unsigned rounds) {
    std::vector<Sample> samples;
    std::vector<Launch> launches;
    for (const Contender& contender : contenders) {
        SR_TRY(Launch launch, while_doing(contender.open(), "open '{}'", contender.name));
        launches.push_back(std::move(launch));
        samples.push_back({contender.name, contender.what, {}, {}});
    }
    // The kernel clears up behind each launch for milliseconds. In a fixed order one kind would
    // always pay for the same other one.
    std::vector<std::size_t> order(samples.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::mt19937 random(kSeed);
    for (unsigned round = 0; round < rounds + kWarmUpRounds; ++round) {
        std::ranges::shuffle(order, random);
        for (const std::size_t i : order) {
            if (round == kWarmUpRounds) samples[i].times_us.clear();
            SR_DO(launch_timed(launches[i], samples[i]));
        }
    }
    return samples;
}

Result<double> measure_rate(const Contender& contender, unsigned in_flight, unsigned seconds) {
    Load load;
    std::vector<std::thread> threads;
    threads.reserve(in_flight);
    for (unsigned i = 0; i < in_flight; ++i)
        threads.emplace_back([&] { keep_launching(contender, load); });
    const double per_second = observe(load, seconds);
    load.is_over = true;
    for (std::thread& thread : threads) thread.join();
    if (load.error)
        return std::unexpected(
            Error{load.error->code,
                  fmt::format("sustain '{}': {}", contender.name, load.error->message)});
    return per_second;
}

}  // namespace shardrun::bench
