#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/stream_set.h"
#include "streamer/streamer_process.h"

namespace shardrun::bench {

/// One way to bring all files of a set into memory.
struct StreamWay {
    std::string name;
    std::string what;  ///< for people
    bool is_verified = false;
    std::function<Result<void>(const StreamSet& set)> run;
};

/// What anybody can do who does not look at digests: cp, read and write in one thread and in one
/// per processor, sendfile.
std::vector<StreamWay> unverified_ways();
/// The floors: reading the disk through a ring and dropping the bytes, and SHA-256 of as many bytes
/// in memory in one thread per processor.
StreamWay disk_floor();
StreamWay hash_floor();
/// The streamer, with all files ordered at once, as prefetches or demanded. `streamer` outlives it.
StreamWay streamer_way(streamer::StreamerProcess& streamer, streamer::Urgency urgency);

}  // namespace shardrun::bench
