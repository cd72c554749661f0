#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "shardrun/ids.h"

/// The six messages as values. Their bytes are described in shardrun-protocol(7); src/proto turns
/// one into the other. std::optional marks a field that may be absent on the wire (a TLV);
/// everything else is always sent.
namespace shardrun {

enum class MessageType : std::uint8_t {
    resource_request = 1,
    shard_assignment = 2,
    resource_access = 3,
    shard_status = 4,
    prefetch_request = 5,
    prefetch_response = 6,
};

enum class NetworkMode : std::uint8_t { none = 0, isolated = 1, nat = 2, host = 3 };

/// One line of io.max: limits for one block device; an absent value is not limited.
struct IoLimit {
    std::uint32_t major = 0;
    std::uint32_t minor = 0;
    std::optional<std::uint64_t> read_bytes_per_second;
    std::optional<std::uint64_t> write_bytes_per_second;
    std::optional<std::uint64_t> read_ops_per_second;
    std::optional<std::uint64_t> write_ops_per_second;

    bool operator==(const IoLimit&) const = default;
};

/// What a shard may use. An absent value means "not said": the configured default, or unchanged in
/// a resize.
struct ShardLimits {
    std::optional<std::uint32_t>
        cpu_max_millicores;  ///< 1000 = one core; written as cpu.max with a 100 ms period
    std::optional<std::uint32_t> cpu_weight;  ///< 1..10000
    std::optional<std::string> cpuset_cpus;   ///< as in cpuset(7), "0-3,7"
    std::optional<std::uint64_t> memory_high_bytes;
    std::optional<std::uint64_t> memory_max_bytes;
    std::optional<std::uint64_t> memory_swap_max_bytes;
    std::optional<std::uint64_t> pids_max;
    std::vector<IoLimit> io_max;                        ///< per device, in the order given
    std::optional<std::uint32_t> io_weight;             ///< 1..10000
    std::optional<std::uint64_t> tmpfs_size_max_bytes;  ///< fixed when the shard is made
    std::optional<std::uint64_t> files_max;  ///< RLIMIT_NOFILE of programs started from now on

    bool operator==(const ShardLimits&) const = default;
};

/// What a shard is made of, beyond its limits. Absent: the configured default.
struct ShardOptions {
    ShardLimits limits;
    std::optional<NetworkMode> network;
    std::optional<std::string>
        seccomp_profile;  ///< the name of a configured profile; "default" is built in
    std::optional<std::string> hostname;
    std::optional<bool> user_namespace;
    std::vector<std::string>
        capabilities;  ///< granted beyond none, as "CAP_NET_RAW"; must be allowed for the uid
    std::optional<std::string> image;  ///< refused with ENOENT while no store is configured

    bool operator==(const ShardOptions&) const = default;
};

struct WindowSize {
    std::uint16_t rows = 0;
    std::uint16_t columns = 0;

    bool operator==(const WindowSize&) const = default;
};

/// A program to run in a shard. Descriptors that come with the request are its stdio, in order 0,
/// 1, 2; with a terminal none may come: the program gets a pseudo-terminal of the shard's own,
/// whose master is sent back.
struct ProgramOptions {
    std::vector<std::string>
        argv;  ///< at least one; argv[0] is searched in PATH of `env` if it has no '/'
    std::vector<std::string>
        env;  ///< "NAME=value"; the whole environment, nothing is added but HOME and PATH if absent
    std::optional<std::string> cwd;      ///< inside the shard; default "/"
    std::optional<WindowSize> terminal;  ///< present: on a pseudo-terminal of this size
    bool wants_pidfd = false;            ///< send a pidfd with the `started` signal

    bool operator==(const ProgramOptions&) const = default;
};

/// Client → manager. What is asked for; the alternatives carry what only they need.
struct ResourceRequest {
    /// Names the session's profile; the first request of a connection if it is sent at all (else
    /// "default").
    struct Session {
        std::string profile;
        bool operator==(const Session&) const = default;
    };
    /// A shard that lives until it is released or the client goes.
    struct NewShard {
        ShardOptions options;
        bool operator==(const NewShard&) const = default;
    };
    /// Runs a program in `shard`, or, without one, in a new shard that is reclaimed when the
    /// program ends.
    struct Run {
        std::optional<ShardId> shard;
        ShardOptions options;  ///< only without `shard`
        ProgramOptions program;
        bool operator==(const Run&) const = default;
    };
    /// Sends a signal to a program, or, with program 0, to every program of the shard.
    struct Signal {
        ShardId shard{};
        ProgramId program{};
        std::uint32_t signal_number = 0;  ///< 1..64
        bool operator==(const Signal&) const = default;
    };
    /// Gives back one shard, or all of this client's without one. `kill`: its programs too, whoever
    /// started them.
    struct Release {
        std::optional<ShardId> shard;
        bool operator==(const Release&) const = default;
    };
    /// New limits for a living shard.
    struct Resize {
        ShardId shard{};
        ShardLimits limits;
        bool operator==(const Resize&) const = default;
    };
    /// From now on the lifecycle signals of all shards this client may see, and of what is
    /// prefetched if asked.
    struct Subscribe {
        bool lifecycle = true;
        bool prefetch = false;
        bool operator==(const Subscribe&) const = default;
    };
    /// One ShardAssignment per shard this client may see (its uid's; all, for an administrator),
    /// the last without the `more` flag; a `listed` assignment with shard 0 ends an empty list.
    struct List {
        std::optional<ShardId> shard;  ///< only this one
        bool operator==(const List&) const = default;
    };
    /// A blob by name, answered by PrefetchResponse with an fd.
    struct Blob {
        std::string name;
        bool operator==(const Blob&) const = default;
    };

    using What =
        std::variant<Session, NewShard, Run, Signal, Release, Resize, Subscribe, List, Blob>;
    What what;

    bool operator==(const ResourceRequest&) const = default;
};

enum class ShardState : std::uint8_t {
    preparing = 1,
    ready = 2,
    active = 3,
    draining = 4,
    reclaimed = 5,
    failed = 6
};

/// Which lifecycle signal a ShardAssignment is.
enum class AssignmentKind : std::uint16_t {
    session = 1,   ///< the session is open
    assigned = 2,  ///< the shard is the client's
    started = 3,   ///< a program began to run
    exited = 4,    ///< a program ended: `exit`
    stopped =
        5,  ///< a program was stopped (SIGSTOP and friends); `exit.signal_number` says by what
    resized = 6,
    split = 7,
    merged = 8,
    draining = 9,
    reclaimed = 10,  ///< nothing is left of the shard
    failed = 11,     ///< the shard died or could not be made: `reason`
    listed = 12,     ///< one row of a listing
    done = 13,       ///< a Signal, Release or Subscribe was carried out
    continued = 14,  ///< a stopped program goes on
};

/// How a program ended; exactly one of the two is non-zero, or both are zero for exit status 0.
struct ProgramExit {
    std::uint8_t status = 0;         ///< exit status
    std::uint8_t signal_number = 0;  ///< killed by this signal
    bool out_of_memory = false;      ///< the shard's memory limit killed it
    std::uint64_t user_cpu_us = 0;
    std::uint64_t system_cpu_us = 0;
    std::uint64_t memory_peak_bytes = 0;  ///< largest resident set of the program

    bool operator==(const ProgramExit&) const = default;
};

/// What a descriptor that comes with a ShardAssignment is.
enum class FdRole : std::uint8_t { tmpfs = 1, pidfd = 2, terminal = 3 };

/// Controllers of cgroup v2, as bits.
enum class Controller : std::uint8_t { cpu = 1, cpuset = 2, memory = 4, pids = 8, io = 16 };

/// Manager → client. `kind` decides which optional parts are there.
struct ShardAssignment {
    AssignmentKind kind = AssignmentKind::done;
    ShardId shard{};      ///< 0: none
    ProgramId program{};  ///< 0: none
    std::optional<ShardState> state;
    std::optional<ShardOptions> options;  ///< the configuration in force
    std::optional<std::uint32_t>
        unenforced;  ///< Controller bits whose limits the host cannot enforce
    std::optional<std::uint32_t> shard_uid;  ///< the host uid of the shard's programs
    std::optional<std::uint32_t> owner_uid;
    std::optional<std::string> profile;
    std::optional<std::string> cgroup;      ///< path below the cgroup mount
    std::optional<std::uint32_t> init_pid;  ///< host pid of the shard's init
    std::vector<std::string> programs;      ///< listings: "ID PID STATE ARGV0", one per program
    std::optional<ProgramExit> exit;
    std::optional<std::string> reason;
    std::optional<std::uint64_t> created_us_ago;
    std::optional<std::uint64_t>
        prepare_us;            ///< time from request to a ready shard; 0 from the warm pool
    std::optional<bool> warm;  ///< it came from the warm pool
    std::vector<FdRole> fds;   ///< what the descriptors of this frame are, in order

    bool operator==(const ShardAssignment&) const = default;
};

enum class BlobKind : std::uint8_t { data = 1, code = 2, configuration = 3 };

/// Client → manager: the client uses a blob in its shard and asks that it be there.
struct ResourceAccess {
    ShardId shard{};
    BlobKind kind = BlobKind::data;
    std::string name;

    bool operator==(const ResourceAccess&) const = default;
};

/// Share of time in which some, or all, tasks stalled: 0..10000 (hundredths of a percent), over 10
/// s.
struct Pressure {
    std::uint16_t some_avg10 = 0;
    std::uint16_t full_avg10 = 0;

    bool operator==(const Pressure&) const = default;
};

/// Client ↔ manager. From a client with `shard` and its own report; the manager answers with the
/// measured use.
struct ShardStatus {
    ShardId shard{};
    std::optional<std::uint16_t>
        reported_load;  ///< the client's own figure: 0..10000 of what it could take
    std::optional<std::uint32_t> reported_queue;  ///< the client's own figure: work that waits
    std::optional<std::uint64_t> cpu_usage_us;
    std::optional<std::uint64_t> cpu_throttled_us;
    std::optional<std::uint64_t> cpu_throttled_periods;
    std::optional<std::uint64_t> memory_current_bytes;
    std::optional<std::uint64_t> memory_peak_bytes;
    std::optional<std::uint64_t> memory_swap_bytes;
    std::optional<std::uint64_t> oom_kills;
    std::optional<std::uint64_t> pids_current;
    std::optional<std::uint64_t> pids_refused;  ///< forks that pids.max stopped
    std::optional<std::uint64_t> io_read_bytes;
    std::optional<std::uint64_t> io_write_bytes;
    std::optional<std::uint64_t> network_received_bytes;
    std::optional<std::uint64_t> network_sent_bytes;
    std::optional<std::uint64_t> tmpfs_used_bytes;
    std::optional<Pressure> cpu_pressure;
    std::optional<Pressure> memory_pressure;
    std::optional<Pressure> io_pressure;
    std::optional<ShardLimits> limits;  ///< in force

    bool operator==(const ShardStatus&) const = default;
};

using Digest = std::array<std::byte, 32>;  ///< SHA-256

/// Manager → analyzer, streamer, fetcher and subscribed clients: what will be fetched and why; from
/// a client: a hint.
struct PrefetchRequest {
    ShardId shard{};
    BlobKind kind = BlobKind::data;
    std::string name;
    std::optional<Digest> digest;
    std::optional<std::uint16_t> probability;  ///< 0..10000
    std::optional<std::uint32_t> deadline_ms;  ///< needed in so many milliseconds
    std::optional<std::string> reason;

    bool operator==(const PrefetchRequest&) const = default;
};

enum class BlobOutcome : std::uint8_t { hit = 1, prefetched = 2, demand_loaded = 3, failed = 4 };

/// The blob's outcome; small data inline, large as a descriptor.
struct PrefetchResponse {
    ShardId shard{};
    BlobOutcome outcome = BlobOutcome::failed;
    std::string name;
    std::optional<Digest> digest;
    std::optional<std::uint64_t> size_bytes;
    std::optional<std::uint64_t> elapsed_us;
    std::optional<std::string> reason;
    std::optional<std::vector<std::byte>> data;

    bool operator==(const PrefetchResponse&) const = default;
};

/// The body of any frame with the `error` flag, whatever its type.
struct ErrorReply {
    std::uint32_t code = 0;  ///< errno value
    std::uint32_t offset_bytes =
        0;  ///< where in the refused frame, counted from its header; 0 if nowhere in particular
    std::string sentence;

    bool operator==(const ErrorReply&) const = default;
};

using Message = std::variant<ResourceRequest, ShardAssignment, ResourceAccess, ShardStatus,
                             PrefetchRequest, PrefetchResponse, ErrorReply>;

/// Header flags.
enum class FrameFlag : std::uint8_t {
    reply = 1,  ///< answers the frame with this correlation id
    error = 2,  ///< the body is an ErrorReply
    more = 4,   ///< further frames with this correlation id follow
    event = 8,  ///< unasked: a lifecycle signal; the correlation id is that of the Run, NewShard or
                ///< Subscribe it belongs to
};

/// A message with its header. `type` is redundant unless the error flag is set: then it names the
/// reply's type.
struct Frame {
    MessageType type = MessageType::resource_request;
    std::uint8_t flags = 0;         ///< FrameFlag bits
    std::uint64_t correlation = 0;  ///< chosen by the asking side, never 0 in a request
    std::uint8_t fd_count = 0;      ///< descriptors that travel with this frame
    Message message;

    bool operator==(const Frame&) const = default;
};

}  // namespace shardrun
