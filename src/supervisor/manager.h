#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/mono_time.h"
#include "base/rng.h"
#include "shard/spec.h"
#include "shardrun/error.h"
#include "shardrun/messages.h"
#include "supervisor/config.h"

namespace shardrun::supervisor {

/// One connection; never reused.
enum class ClientId : std::uint64_t {};

/// Who the kernel says the peer is (SO_PEERCRED), never what it says of itself.
struct PeerCredentials {
    uid_t uid = 0;
    gid_t gid = 0;
    pid_t pid = 0;
};

// ---- Events: what happened. ----
struct ClientConnected {
    ClientId client{};
    PeerCredentials peer;
};
/// A whole, well-formed frame. Every token in `fds` is the manager's to hand on or discard.
struct ClientFrame {
    ClientId client{};
    Frame frame;
    std::vector<shard::FdToken> fds;
};
/// The connection ended, for whatever reason; also the answer to CloseClient.
struct ClientGone {
    ClientId client{};
};
struct ShardPrepared {
    ShardId shard{};
    pid_t init_pid = 0;
    std::string cgroup;
    std::uint32_t unenforced = 0;  ///< Controller bits
    std::chrono::microseconds prepare_time{0};
};
/// It could not be prepared. The manager says DestroyShard all the same and waits for
/// ShardReclaimed: every shard that PrepareShard named ends in exactly one of those.
struct ShardFailed {
    ShardId shard{};
    Error error;
};
/// It ended by itself. DestroyShard follows, as after ShardFailed.
struct ShardDied {
    ShardId shard{};
    shard::DeathCause cause{};
};
struct ShardReclaimed {
    ShardId shard{};
};
struct ReclaimFailed {
    ShardId shard{};
    Error error;
};
struct ProgramStarted {
    ShardId shard{};
    ProgramId program{};
    std::optional<shard::FdToken> pidfd;
    std::optional<shard::FdToken> terminal;  ///< master side
    pid_t pid = 0;                           ///< as the shard sees it; 0: not known
};
struct ProgramFailed {
    ShardId shard{};
    ProgramId program{};
    Error error;
};
struct ProgramStopped {
    ShardId shard{};
    ProgramId program{};
    int signal_number = 0;
};
struct ProgramContinued {
    ShardId shard{};
    ProgramId program{};
};
struct ProgramExited {
    ShardId shard{};
    ProgramId program{};
    ProgramExit exit;
};
struct LimitsApplied {
    ShardId shard{};
    std::optional<Error> error;
};
struct StatusMeasured {
    ShardId shard{};
    std::uint64_t request = 0;
    ShardStatus status;
    std::optional<Error> error;
};
struct BlobReported {
    std::uint64_t request = 0;
    shard::BlobReport report;
};
struct FileUsed {
    shard::SliceId slice{};
    ShardId shard{};  ///< 0: one of the slice's
    shard::BlobReport report;
};
struct ConfigReloaded {
    std::shared_ptr<const Config> config;
};
struct DrainRequested {};

using Event = std::variant<ClientConnected, ClientFrame, ClientGone, ShardPrepared, ShardFailed,
                           ShardDied, ShardReclaimed, ReclaimFailed, ProgramStarted, ProgramFailed,
                           ProgramStopped, ProgramContinued, ProgramExited, LimitsApplied,
                           StatusMeasured, BlobReported, FileUsed, ConfigReloaded, DrainRequested>;

// ---- Actions: what is to be done, in this order. ----
struct PrepareShard {
    shard::ShardSpec spec;
};
struct RunProgram {
    ShardId shard{};
    shard::ProgramSpec program;
};
struct SignalProgram {
    ShardId shard{};
    ProgramId program{};
    int signal_number = 0;
};
/// `limits` are complete, as in ShardSpec: those that stay the same are in it too. A later
/// PrepareShard, ApplyLimits, RunProgram of the same shard must not overtake it.
struct ApplyLimits {
    ShardId shard{};
    ShardLimits limits;
};
struct DestroyShard {
    ShardId shard{};
};
struct RemoveSlice {
    shard::SliceId slice{};
};
struct MeasureStatus {
    ShardId shard{};
    std::uint64_t request = 0;
};
struct PrefetchFile {
    ShardId shard{};
    std::uint64_t request = 0;
    std::string name;
};
struct LoadBlob {
    ShardId shard{};
    std::uint64_t request = 0;
    std::string name;
};
struct OpenBlob {
    std::uint64_t request = 0;
    std::string name;
};
/// Queues a frame; `fds` travel with it and are closed once sent.
struct SendFrame {
    ClientId client{};
    Frame frame;
    std::vector<shard::FdToken> fds;
};
/// Ends the connection once its queue is written. → ClientGone.
struct CloseClient {
    ClientId client{};
};
struct DiscardFd {
    shard::FdToken fd{};
};
struct LogLine {
    int level = 6;
    std::string line;
};
/// The drain is complete: nothing is left.
struct Finish {};

using Action = std::variant<PrepareShard, RunProgram, SignalProgram, ApplyLimits, DestroyShard,
                            RemoveSlice, MeasureStatus, PrefetchFile, LoadBlob, OpenBlob, SendFrame,
                            CloseClient, DiscardFd, LogLine, Finish>;

/// The Shard Manager's mind: who has which shard, in which state, and what to do next. Pure: no
/// clock, no kernel, no randomness but what it is given; the same events give the same actions.
///
/// What a client gets for what it asks. A reply has the `reply` flag and the request's correlation
/// id, a refusal the `error` flag as well; each request gets exactly one reply (List: one per row,
/// all but the last with `more`). Events have the `event` flag.
///
///   Session      `session`
///   NewShard     `assigned` when the shard is ready (at once from the warm pool). Events with its
///                id: `draining` or `failed` with the reason, and last `reclaimed`.
///   Run          `started`, with the pidfd and terminal as roles say; without `shard` also with
///                the shard's configuration. Events with its id: `stopped`, `continued`, and last
///                `exited`, which goes out before the shard is destroyed; `exit` says how, `reason`
///                why if its shard took it along. No `reclaimed`: the client has no use for it.
///                Other programs may be run beside one that has a shard of its own: they end with
///                it.
///   Signal       `done` when it was passed on; a program that is yet to start gets it then
///   Release      event `reclaimed` per shard, then `done`, both with its id: nothing is left then
///   Resize       `resized` with the limits in force
///   Subscribe    `done`. Events with its id, with `lifecycle` of every shard it may see, its own
///                ones too: assigned, started, stopped, continued, exited, resized, draining,
///                failed, reclaimed; with `prefetch` a PrefetchResponse for each file that was
///                opened first, or failed, in a tree of a slice of its uid's (administrators: in
///                any), with the shard where that can only be one. A later one replaces it.
///   List         `listed`
///   PrefetchRequest  PrefetchResponse when the backend reports: the file of the shard's image if
///                `name` begins with '/', else the blob of that name, which is in /blobs then.
///                What failed is such a response too, with the reason; an error refuses what may
///                not be asked. In a shard that is not ready it begins when it is. When the shard
///                ends first, it has failed.
///   ResourceAccess   the same, blobs only
///   Blob         PrefetchResponse with a descriptor
///   ShardStatus  ShardStatus with the measured use
///
/// Whoever connects in vain gets an error frame with correlation id 0 and is closed; so is, with
/// EPROTO, whoever sends what only the manager sends.
///
/// Descriptors: every token that comes in goes out in exactly one action, RunProgram (`stdio`),
/// SendFrame or DiscardFd.
class Manager {
 public:
    /// `host_unenforced`: Controller bits the host lacks; with ControllerPolicy::require nothing
    /// that needs one of them is granted.
    Manager(std::shared_ptr<const Config> config, std::uint32_t host_unenforced);
    ~Manager();
    Manager(Manager&&) noexcept;
    Manager& operator=(Manager&&) noexcept;
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    /// Takes in what happened and says what to do. Also to be called, without events, when
    /// `next_deadline` has come.
    std::vector<Action> step(MonoTime now, std::vector<Event> events);

    /// When to call `step` next if nothing happens; none: not before an event.
    std::optional<MonoTime> next_deadline() const;

    /// Every broken invariant as a sentence; empty when all hold. For simulations and debug builds.
    std::vector<std::string> broken_invariants() const;

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace shardrun::supervisor
