#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "shard/spec.h"
#include "shardrun/error.h"
#include "shardrun/messages.h"

namespace shardrun::shard {

/// A shard is set up and its first runner is parked.
struct Prepared {
    pid_t init_pid = 0;            ///< on the host
    std::string cgroup;            ///< path below the cgroup mount
    std::uint32_t unenforced = 0;  ///< Controller bits
    std::chrono::microseconds prepare_time{0};
};

/// A program was executed. The tokens are the receiver's to hand on or discard.
struct Started {
    std::optional<FdToken> pidfd;     ///< if it was wanted
    std::optional<FdToken> terminal;  ///< master side, if it runs on a terminal
    pid_t pid = 0;                    ///< as the shard sees it; for listings
};

/// Receives the outcomes of a ShardBackend, never from inside one of the backend's own calls; and
/// must not call the backend from inside its own.
class BackendListener {
 public:
    BackendListener() = default;
    BackendListener(const BackendListener&) = delete;
    BackendListener& operator=(const BackendListener&) = delete;
    virtual ~BackendListener() = default;

    virtual void on_prepared(ShardId shard, const Prepared& prepared) = 0;
    virtual void on_failed(ShardId shard, const Error& error) = 0;
    virtual void on_died(ShardId shard, DeathCause cause) = 0;
    virtual void on_reclaimed(ShardId shard) = 0;
    virtual void on_reclaim_failed(ShardId shard, const Error& error) = 0;
    virtual void on_started(ShardId shard, ProgramId program, const Started& started) = 0;
    virtual void on_program_failed(ShardId shard, ProgramId program, const Error& error) = 0;
    virtual void on_stopped(ShardId shard, ProgramId program, int signal_number) = 0;
    virtual void on_continued(ShardId shard, ProgramId program) = 0;
    virtual void on_exited(ShardId shard, ProgramId program, const ProgramExit& exit) = 0;
    virtual void on_limits_applied(ShardId shard, const std::optional<Error>& error) = 0;
    virtual void on_status(ShardId shard, std::uint64_t request,
                           const Result<ShardStatus>& status) = 0;
    /// The answer to prefetch_file, load_blob or open_blob; each request gets one.
    virtual void on_blob(std::uint64_t request, const BlobReport& report) = 0;
    /// A file of an image was opened for the first time since it was filled, or could not be
    /// filled. `shard`: whose tree it is, where that is one shard's alone; else 0.
    virtual void on_file_used(SliceId slice, ShardId shard, const BlobReport& report) = 0;
};

}  // namespace shardrun::shard
