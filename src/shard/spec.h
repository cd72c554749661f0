#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd_token.h"
#include "shardrun/error.h"
#include "shardrun/ids.h"
#include "shardrun/messages.h"

namespace shardrun::shard {

/// A client's slice: the cgroup that bounds all of its shards. Given by the manager, never reused.
enum class SliceId : std::uint64_t {};

/// The manager's state machine hands tokens on and never sees a descriptor.
using shardrun::FdToken;

/// Everything that makes one shard, complete and checked: no field is a wish any more. Value;
/// compare to find a parked shard that fits.
struct ShardSpec {
    ShardId id{};
    SliceId slice{};
    uid_t uid = 0;       ///< the shard's own uid and gid on the host, shared with no other shard
    ShardLimits limits;  ///< absent: not limited (written as "max")
    NetworkMode network = NetworkMode::none;
    std::string image;  ///< whose tree is the root; empty: the host's read-only paths
    std::string seccomp_profile = "default";
    std::string hostname = "shard";
    bool user_namespace = false;
    std::uint64_t capabilities = 0;  ///< bit n: capability number n is granted
    bool keeps_spare = false;  ///< keep one parked runner, so that the next program starts at once

    bool operator==(const ShardSpec&) const = default;
};

/// One program run: what the client asked for, checked.
struct ProgramSpec {
    ProgramId id{};
    std::vector<std::string> argv;
    std::vector<std::string> env;
    std::string cwd = "/";
    std::optional<WindowSize> terminal;
    std::vector<FdToken> stdio;  ///< 3 descriptors, or none: /dev/null (or the terminal)
    bool wants_pidfd = false;
    std::uint64_t files_max = 1024;  ///< RLIMIT_NOFILE

    bool operator==(const ProgramSpec&) const = default;
};

/// How a blob, or a file of an image, came to be there, or why it did not.
struct BlobReport {
    BlobOutcome outcome = BlobOutcome::failed;
    std::string name;  ///< as it was asked for; a file's path in its shard, from the root on
    std::optional<Digest> digest;
    std::uint64_t size_bytes = 0;
    std::chrono::microseconds elapsed{0};  ///< that somebody waited, or that it took
    std::optional<FdToken> fd;             ///< of open_blob; the receiver's to hand on or discard
    std::optional<Error> error;            ///< why it failed
};

/// Why a shard ended by itself.
enum class DeathCause : std::uint8_t { init_exited, out_of_memory, launcher_lost };

/// Performs what the manager decided. Every call returns at once; its outcome arrives later as an
/// event (see supervisor/manager.h). Implementations: the real one over the kernel, and the
/// simulated one of tests/sim.
class ShardBackend {
 public:
    ShardBackend() = default;
    ShardBackend(const ShardBackend&) = delete;
    ShardBackend& operator=(const ShardBackend&) = delete;
    virtual ~ShardBackend() = default;

    /// → ShardPrepared or ShardFailed. Programs may be run at once: they wait for the shard.
    virtual void prepare_shard(const ShardSpec& spec) = 0;
    /// → ProgramStarted then ProgramExited, or ProgramFailed. Consumes `program.stdio`.
    virtual void run_program(ShardId shard, const ProgramSpec& program) = 0;
    /// Program 0: every program of the shard. No event; a program that is gone is not an error.
    virtual void signal_program(ShardId shard, ProgramId program, int signal_number) = 0;
    /// → LimitsApplied.
    virtual void apply_limits(ShardId shard, const ShardLimits& limits) = 0;
    /// Kills whatever runs in it and removes all that it was. → ShardReclaimed (or ReclaimFailed,
    /// and it is tried again by itself until ShardReclaimed).
    virtual void destroy_shard(ShardId shard) = 0;
    /// After the last shard of a slice was reclaimed: removes the slice's cgroup. No event.
    virtual void remove_slice(SliceId slice) = 0;
    /// → StatusMeasured.
    virtual void measure_status(ShardId shard, std::uint64_t request) = 0;
    /// Has a file of the shard's image there before it is opened. `name`: its path in the shard. →
    /// BlobReported.
    virtual void prefetch_file(ShardId shard, std::uint64_t request, const std::string& name) = 0;
    /// Makes a blob visible in the shard as /blobs/`name`, by its name in the store or its digest.
    /// → BlobReported.
    virtual void load_blob(ShardId shard, std::uint64_t request, const std::string& name) = 0;
    /// A verified copy of a blob that nobody can change, as a descriptor. → BlobReported.
    virtual void open_blob(std::uint64_t request, const std::string& name) = 0;
};

}  // namespace shardrun::shard
