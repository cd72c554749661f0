#pragma once

// What the supervisor, the zygote, each shard's init and its runners say to each other over
// SOCK_SEQPACKET sockets. Plain values of one build of one program: never stored, never seen by a
// client. Included by the freestanding zygote, so nothing here needs a library.

#include <cstddef>
#include <cstdint>

namespace shardrun::shard::zygote {

inline constexpr int kControlFd = 3;  ///< the zygote's and each init's socket to the supervisor
inline constexpr std::size_t kHostnameSizeMax = 64;
inline constexpr std::size_t kObjectSizeMax = 96;
inline constexpr std::size_t kPlanSizeMax = std::size_t{64} * 1024;
inline constexpr std::size_t kInlineArgumentsMax =
    std::size_t{32} * 1024;  ///< longer ones come in a memfd
inline constexpr std::uint32_t kFiltersMax = 32;
inline constexpr std::size_t kProcessorWords = 16;  ///< 1024 processors

/// Where set-up or launch failed. The supervisor puts it into words (describe_failure).
enum class Step : std::uint32_t {
    none = 0,
    receive_request,
    make_namespaces,
    make_private,
    make_root,
    make_directory,
    make_symlink,
    make_file,
    make_node,
    clone_tree,
    set_mount_attributes,
    attach_mount,
    pivot_root,
    detach_old_root,
    drop_bounding_set,
    map_filter,
    clone_init,
    make_cgroup_namespace,
    set_hostname,
    make_tmpfs,
    make_devpts,
    make_proc,
    mask_path,
    bring_up_loopback,
    enter_network,
    make_user_namespace,
    restrict_files,
    reduce_capabilities,
    clone_runner,
    drop_groups,
    set_gid,
    set_uid,
    set_capabilities,
    set_no_new_privileges,
    load_filter,
    open_terminal,
    map_arguments,
    set_stdio,
    set_file_limit,
    change_directory,
    execute,
    last,
};

/// A failed step: the errno value and the thing it was tried on.
struct Failure {
    Step step = Step::none;
    std::int32_t error = 0;
    char object[kObjectSizeMax] = {};
};

// ---- Supervisor → zygote ----

enum class Order : std::uint32_t {
    plan = 1,
    filter = 2,
    launch = 3,
    network = 4,  ///< make the next shard's network now, beside all else; no answer
};

/// One entry of the plan for the skeleton root; `path` then `argument`, each with its NUL, follow
/// it, padded to 8.
enum class PlanKind : std::uint16_t {
    directory = 1,       ///< path, mode
    symlink = 2,         ///< path → argument
    file = 3,            ///< path, mode, argument is its content
    node = 4,            ///< path, mode, major, minor: a character device
    copy = 9,            ///< path, mode ← content of the host file in argument
    bind = 5,            ///< path ← host path in argument, recursively, read-only, nosuid, nodev
    mask_file = 6,       ///< per shard: a path below /proc shown as the null device
    mask_directory = 7,  ///< per shard: shown as an empty directory
    read_only = 8,       ///< per shard: a path below /proc made read-only
};
/// Held in `mode` of the three covers.
enum class CoverWhen : std::uint16_t { always = 0, with_capabilities = 1 };

struct PlanEntry {
    PlanKind kind{};
    std::uint16_t mode = 0;
    std::uint32_t major = 0;
    std::uint32_t minor = 0;
    std::uint32_t path_size = 0;      ///< with its NUL
    std::uint32_t argument_size = 0;  ///< with its NUL; 0: none
    std::uint32_t reserved = 0;
};

struct PlanOrder {
    Order order = Order::plan;
    std::uint32_t size_bytes = 0;  ///< of the entries that follow in the same message
    /// Where the zygote may run from now on, and its shards, as cpu_set_t; none: where it runs
    /// already.
    std::uint64_t processors[kProcessorWords] = {};
};

struct NetworkOrder {
    Order order = Order::network;
    std::uint32_t reserved = 0;
    /// Where its helper is to run, as cpu_set_t; none: where the zygote may.
    std::uint64_t processors[kProcessorWords] = {};
};

/// A seccomp program for later launches; comes with a sealed memfd that holds `count` sock_filter.
struct FilterOrder {
    Order order = Order::filter;
    std::uint32_t id = 0;  ///< below kFiltersMax; replaces what had this id
    std::uint32_t count = 0;
};

enum LaunchFlag : std::uint32_t {
    kLaunchNewNetwork = 1,  ///< a fresh network namespace
    kLaunchUserNamespace = 2,
    /// The filter lets a parked runner start, so it is loaded before parking.
    kLaunchFilterEarly = 4,
    kLaunchImage = 8,        ///< the fourth descriptor is a detached mount: the shard's root
    kLaunchOneProgram = 16,  ///< its end is the shard's: init need not be told to go
    /// The fifth descriptor stays open in init, which ends only after every other process of the
    /// shard, also when the supervisor is gone.
    kLaunchHold = 32,
};

/// One shard. Comes with three descriptors: cgroup directory, control socket, launch socket; and
/// with an image's tree, if it has one.
struct LaunchOrder {
    Order order = Order::launch;
    std::uint32_t flags = 0;
    std::uint64_t sequence = 0;
    std::uint32_t uid = 0;
    std::uint32_t filter_id = 0;
    std::uint64_t capabilities = 0;
    std::uint64_t tmpfs_size_bytes = 0;  ///< 0: no limit said
    std::uint64_t tmpfs_inodes = 0;
    char hostname[kHostnameSizeMax + 1] = {};
};

// ---- Zygote → supervisor ----

/// Answers PlanOrder (sequence 0) and each LaunchOrder; with the init's pidfd if all went well.
struct ZygoteReply {
    std::uint64_t sequence = 0;
    std::int32_t pid = 0;  ///< in the zygote's pid namespace, which is the supervisor's
    Failure failure;
};

// ---- Supervisor → init, on the control socket ----

enum class InitOrder : std::uint32_t { signal = 1, spare = 2 };
struct SignalOrder {
    InitOrder order = InitOrder::signal;
    std::int32_t pid = 0;  ///< a runner, in the shard's pid namespace
    std::int32_t signal_number = 0;
};
/// Park one more runner; comes with its launch socket.
struct SpareOrder {
    InitOrder order = InitOrder::spare;
};

// ---- Init → supervisor, on the control socket ----

enum class InitReport : std::uint32_t {
    ready = 1,
    failed = 2,
    spare = 3,
    exited = 4,
    stopped = 5,
    continued = 6
};
/// `ready` comes with the tmpfs; pid is the runner's. `spare`: pid of the new runner, or a failure.
struct InitMessage {
    InitReport report{};
    std::int32_t pid = 0;
    std::int32_t wait_status = 0;  ///< as from waitid: si_status with si_code in wait_code
    std::int32_t wait_code = 0;    ///< CLD_EXITED, CLD_KILLED, …
    std::uint64_t user_cpu_us = 0;
    std::uint64_t system_cpu_us = 0;
    std::uint64_t memory_peak_kib = 0;
    Failure failure;
};

// ---- Supervisor → runner, on its launch socket; then the runner execs and the socket closes ----

enum RunFlag : std::uint32_t {
    kRunTerminal = 1,
    kRunStdio = 2,             ///< three descriptors come with the message
    kRunArgumentsInMemfd = 4,  ///< one more descriptor holds the strings
};
/// Followed by `strings_size` bytes: argc strings, then envc strings, then the working directory,
/// each with its NUL.
struct RunOrder {
    std::uint32_t flags = 0;
    std::uint32_t argc = 0;
    std::uint32_t envc = 0;
    std::uint32_t strings_size = 0;
    std::uint64_t files_max = 0;
    std::uint16_t rows = 0;
    std::uint16_t columns = 0;
    std::uint32_t reserved = 0;
};

// ---- Runner → supervisor ----

enum class RunnerReport : std::uint32_t {
    failed = 1,
    terminal = 2
};  ///< `terminal` comes with the master side
struct RunnerMessage {
    RunnerReport report{};
    Failure failure;
};

}  // namespace shardrun::shard::zygote
