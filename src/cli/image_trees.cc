#include "cli/image_trees.h"

#include <unistd.h>

#include <cerrno>

#include "base/fail.h"
#include "cli/embedded_supervisor.h"
#include "cli/program_places.h"
#include "fetcher/origin.h"
#include "trees/trees.h"

namespace shardrun::cli {
namespace {

constexpr std::uint64_t kUidMax = 4294967293;
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 50U;

trees::Owner owner_of(supervisor::TreeOwner owner) {
    switch (owner) {
        case supervisor::TreeOwner::client:
            return trees::Owner::client;
        case supervisor::TreeOwner::shard:
            return trees::Owner::shard;
        case supervisor::TreeOwner::host:
            break;
    }
    return trees::Owner::host;
}

/// A helper's own uid; no shard of a service or of an embedded supervisor has it.
template <class Helper>
void run_as(Helper& helper, std::uint64_t uid) {
    helper.uid = static_cast<uid_t>(uid);
    helper.gid = helper.uid;
}

Result<fetcher::FetcherConfig> fetcher_of(const supervisor::Config::Store& store) {
    fetcher::FetcherConfig wanted;
    if (store.origins.empty()) return wanted;
    SR_TRY(wanted.program, find_program("shardrun-fetch"));
    for (const std::string& text : store.origins) {
        SR_TRY(fetcher::Origin origin, fetcher::parse_origin(text));
        wanted.options.origins.push_back(std::move(origin));
    }
    // What waits in the fetcher itself begins without asking us.
    wanted.jobs_max = std::size_t{2} * store.fetch_transfers;
    wanted.options.transfers_max = store.fetch_transfers;
    wanted.options.retry.attempts_max = store.fetch_attempts;
    wanted.options.retry.deadline = store.fetch_deadline;
    wanted.options.connect_timeout = store.fetch_connect_timeout;
    wanted.options.stall_time = std::chrono::ceil<std::chrono::seconds>(store.fetch_stall);
    wanted.options.ca_file = store.fetch_ca_file;
    return wanted;
}

}  // namespace

Result<std::unique_ptr<shard::TreeSource>> make_image_trees(const supervisor::Config& config,
                                                            sys::EventLoop& loop) {
    trees::TreesConfig wanted;
    wanted.store = config.store.path;
    wanted.owner = owner_of(config.store.owner);
    wanted.tree_size_max_bytes = config.store.tree_size_max_bytes.value_or(kNoLimit);
    wanted.streamer.prefetch_workers = config.store.prefetch_workers;
    wanted.streamer.prefetch_in_flight_bytes = config.store.prefetch_in_flight_bytes;
    wanted.spares = {config.warm_pool.trees_max, config.warm_pool.memory};
    SR_TRY(wanted.streamer.program, find_program("shardrun-streamer"));
    SR_TRY(wanted.fetcher, fetcher_of(config.store));
    wanted.fetch_size_max_bytes = config.store.fetch_size_max_bytes;
    const std::uint64_t behind = std::uint64_t{config.shard.uid_first} + config.shard.uid_count;
    if (behind + kEmbeddedUids > kUidMax)
        return refuse(
            ERANGE, "shard.uid_first: the helpers' uids end at {}: begin the range at {} or below",
            kUidMax, kUidMax - kEmbeddedUids - config.shard.uid_count);
    run_as(wanted.streamer, behind);
    run_as(wanted.fetcher, behind + kEmbeddedUids);
    return trees::Trees::create(std::move(wanted), loop);
}

}  // namespace shardrun::cli
