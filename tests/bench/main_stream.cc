// bench-stream: how fast blobs come from the disk into memory, verified, beside what does not
// verify them and beside the floors. Prints what it measured as JSON; run by scripts/bench, which
// judges.

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "base/fail.h"
#include "bench/guarded.h"
#include "bench/private_view.h"
#include "bench/process.h"
#include "bench/sample.h"
#include "bench/stream_ways.h"

namespace shardrun::bench {
namespace {

struct SetPlan {
    std::uint64_t size_bytes = 0;
    unsigned count = 0;
};
constexpr SetPlan kSets[] = {
    {std::uint64_t{4} << 10U, 10'000}, {std::uint64_t{64} << 10U, 4'000},
    {std::uint64_t{1} << 20U, 512},    {std::uint64_t{16} << 20U, 32},
    {std::uint64_t{256} << 20U, 4},
};

struct StreamOptions {
    std::string streamer;
    std::string folder;
    unsigned rounds = 3;
    unsigned workers = std::thread::hardware_concurrency();
    std::vector<std::uint64_t> sizes;  ///< empty: all
};

constexpr std::uint64_t kSpareBytes = std::uint64_t{1} << 30U;

enum class State : std::uint8_t { warm, cold };

struct Row {
    StreamWay way;
    State state;
    std::vector<double> times_us;
    std::vector<double> cpu_us;
};

double to_us(const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
}

/// Processor time of this process, its children that ended, and the streamer.
double cpu_now_us(pid_t streamer) {
    double sum = 0;
    for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage usage{};
        (void)::getrusage(who, &usage);
        sum += to_us(usage.ru_utime) + to_us(usage.ru_stime);
    }
    clockid_t clock{};
    timespec time{};
    if (::clock_getcpuclockid(streamer, &clock) == 0 && ::clock_gettime(clock, &time) == 0)
        sum += static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) * 1e-3;
    return sum;
}

Result<void> measure_once(const StreamSet& set, Row& row, pid_t streamer) {
    SR_DO(set.reset());
    SR_DO(row.state == State::warm ? set.warm() : set.cool());
    SR_DO(touch_memory(2 * set.total_bytes() + kSpareBytes));
    const double cpu_before = cpu_now_us(streamer);
    const double begun = now_us();
    SR_DO(while_doing(row.way.run(set), "measure '{}'", row.way.name));
    row.times_us.push_back(now_us() - begun);
    row.cpu_us.push_back(cpu_now_us(streamer) - cpu_before);
    return {};
}

std::vector<Row> make_rows(streamer::StreamerProcess& streamer) {
    std::vector<Row> rows;
    for (const State state : {State::warm, State::cold}) {
        for (const StreamWay& way : unverified_ways()) rows.push_back({way, state, {}, {}});
        for (const auto urgency : {streamer::Urgency::prefetch, streamer::Urgency::demand})
            rows.push_back({streamer_way(streamer, urgency), state, {}, {}});
    }
    rows.push_back({disk_floor(), State::cold, {}, {}});
    rows.push_back({hash_floor(), State::warm, {}, {}});
    return rows;
}

nlohmann::ordered_json to_json(const StreamSet& set, const Row& row) {
    return {{"size_bytes", set.size_bytes()},
            {"files", set.count()},
            {"way", row.way.name},
            {"what", row.way.what},
            {"is_verified", row.way.is_verified},
            {"state", row.state == State::warm ? "warm" : "cold"},
            {"us", row.times_us},
            {"cpu_us", row.cpu_us}};
}

Result<void> measure_set(const SetPlan& plan, const StreamOptions& options,
                         const std::string& memory_folder, nlohmann::ordered_json& result) {
    fmt::print(stderr, "bench: {} files of {} KiB\n", plan.count, plan.size_bytes >> 10U);
    SR_TRY(const StreamSet set,
           StreamSet::create(options.folder, memory_folder, plan.size_bytes, plan.count));
    SR_TRY(streamer::StreamerProcess streamer,
           streamer::StreamerProcess::start(
               {.program = options.streamer, .prefetch_workers = options.workers}));
    std::vector<Row> rows = make_rows(streamer);
    std::vector<std::size_t> order(rows.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::mt19937 random(1);
    for (unsigned round = 0; round < options.rounds; ++round) {
        std::ranges::shuffle(order, random);
        for (const std::size_t i : order) SR_DO(measure_once(set, rows[i], streamer.pid()));
    }
    for (const Row& row : rows) result.push_back(to_json(set, row));
    return {};
}

Result<nlohmann::ordered_json> measure(const StreamOptions& options) {
    SR_TRY(const PrivateView view, PrivateView::enter());
    (void)::setsid();
    SR_DO(lower_priority());
    const TempFolder folder;
    nlohmann::ordered_json result = nlohmann::ordered_json::array();
    for (const SetPlan& plan : kSets) {
        if (options.sizes.empty() || std::ranges::count(options.sizes, plan.size_bytes) > 0)
            SR_DO(measure_set(plan, options, folder.path(), result));
    }
    return result;
}

int run(int argc, char** argv) {
    StreamOptions options;
    CLI::App app("Measures how fast blobs come from the disk into memory; prints JSON.");
    app.name("bench-stream");
    app.add_option("--streamer", options.streamer, "the program under test")->required();
    app.add_option("--folder", options.folder, "an existing, empty one on the disk")->required();
    app.add_option("--rounds", options.rounds, "times that each is measured, in turns");
    app.add_option("--workers", options.workers, "prefetching threads of the streamer");
    std::vector<std::uint64_t> sizes;
    for (const SetPlan& plan : kSets) sizes.push_back(plan.size_bytes);
    app.add_option("--size", options.sizes, "of the files, in bytes; again for more; none: all")
        ->check(CLI::IsMember(sizes));
    CLI11_PARSE(app, argc, argv);
    const auto result = measure(options);
    if (result) {
        fmt::print("{}\n", result->dump(1));
        return 0;
    }
    fmt::print(stderr, "bench: {}\n", result.error().message);
    return 2;
}

}  // namespace
}  // namespace shardrun::bench

int main(int argc, char** argv) {
    return shardrun::bench::guarded(shardrun::bench::run, argc, argv);
}
