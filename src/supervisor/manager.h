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
struct ShardFailed {
    ShardId shard{};
    Error error;
};
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
    pid_t pid = 0;                           ///< on the host; 0: not known
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
struct ConfigReloaded {
    std::shared_ptr<const Config> config;
};
struct DrainRequested {};

using Event = std::variant<ClientConnected, ClientFrame, ClientGone, ShardPrepared, ShardFailed,
                           ShardDied, ShardReclaimed, ReclaimFailed, ProgramStarted, ProgramFailed,
                           ProgramStopped, ProgramContinued, ProgramExited, LimitsApplied,
                           StatusMeasured, ConfigReloaded, DrainRequested>;

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

using Action =
    std::variant<PrepareShard, RunProgram, SignalProgram, ApplyLimits, DestroyShard, RemoveSlice,
                 MeasureStatus, SendFrame, CloseClient, DiscardFd, LogLine, Finish>;

/// The Shard Manager's mind: who has which shard, in which state, and what to do next. Pure: no
/// clock, no kernel, no randomness but what it is given; the same events give the same actions.
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
