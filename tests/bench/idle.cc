#include <thread>

#include "base/fail.h"
#include "bench/census.h"
#include "bench/endurance.h"
#include "bench/process.h"
#include "bench/supervisor_process.h"

namespace shardrun::bench {
namespace {

constexpr Timeout kPatience{20000};
// The slow tick, once per second by default, and as many waits again for what it may find.
constexpr unsigned kWakeUpsPerSecondMax = 2;
constexpr std::uint64_t kResidentBaseKib = 32ULL * 1024;
constexpr std::uint64_t kResidentPerShardKib = 64;

Result<void> fill(Client& client, unsigned shards) {
    for (unsigned i = 0; i < shards; ++i) {
        SR_TRY([[maybe_unused]] const ReceivedFrame made, client.new_shard({}, kPatience));
    }
    // Each is announced before all of its preparation is over; this waits for the last one.
    ResourceRequest::Run run;
    run.program.argv = {"/usr/bin/true"};
    SR_TRY([[maybe_unused]] const ProgramExit exit, client.run_program(run, {}, kPatience));
    return {};
}

}  // namespace

Result<Endurance> measure_idle(const Options& options, const std::string& folder) {
    SR_TRY(const SupervisorProcess supervisor,
           SupervisorProcess::start(options.shardrun, folder, {.name = "idle"}));
    SR_TRY(Client client, supervisor.connect());
    SR_DO(fill(client, options.idle_shards));
    std::this_thread::sleep_for(std::chrono::seconds(2));
    const std::uint64_t before = count_waits(supervisor.pid());
    std::this_thread::sleep_for(std::chrono::seconds(options.idle_seconds));
    const std::uint64_t wake_ups = count_waits(supervisor.pid()) - before;
    const std::uint64_t wake_ups_max = std::uint64_t{kWakeUpsPerSecondMax} * options.idle_seconds;
    const std::uint64_t resident = resident_kib(supervisor.pid());
    const std::uint64_t resident_max =
        kResidentBaseKib + kResidentPerShardKib * options.idle_shards;
    return Endurance{
        {},
        {{fmt::format("wake-ups with {} idle shards", options.idle_shards),
          fmt::format("{} in {} s", wake_ups, options.idle_seconds),
          fmt::format("at most {} (the slow tick)", wake_ups_max), wake_ups <= wake_ups_max},
         {fmt::format("memory with {} idle shards", options.idle_shards),
          fmt::format("{} KiB", resident), fmt::format("at most {} KiB", resident_max),
          resident <= resident_max}}};
}

}  // namespace shardrun::bench
