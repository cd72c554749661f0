#include "cli/image_trees.h"

#include <unistd.h>

#include <cerrno>

#include "base/fail.h"
#include "cli/program_places.h"
#include "trees/trees.h"

namespace shardrun::cli {
namespace {

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

}  // namespace

Result<std::unique_ptr<shard::TreeSource>> make_image_trees(const supervisor::Config& config,
                                                            sys::EventLoop& loop) {
    trees::TreesConfig wanted;
    wanted.store = config.store.path;
    wanted.owner = owner_of(config.store.owner);
    wanted.tree_size_max_bytes = config.store.tree_size_max_bytes.value_or(kNoLimit);
    wanted.streamer.prefetch_workers = config.store.prefetch_workers;
    wanted.streamer.prefetch_in_flight_bytes = config.store.prefetch_in_flight_bytes;
    SR_TRY(wanted.streamer.program, find_program("shardrun-streamer"));
    // The first uid behind those of shards: no shard of a service or of an embedded supervisor has
    // it.
    wanted.streamer.uid = config.shard.uid_first + config.shard.uid_count;
    wanted.streamer.gid = wanted.streamer.uid;
    return trees::Trees::create(std::move(wanted), loop);
}

}  // namespace shardrun::cli
