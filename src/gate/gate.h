#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "gate/gate_state.h"
#include "gate/ledger.h"
#include "gate/tree.h"
#include "shardrun/error.h"
#include "sys/event_loop.h"
#include "sys/fanotify_group.h"
#include "sys/unique_fd.h"

namespace shardrun::gate {

/// Whoever knows where the bytes come from. The gate calls from within its event loop; each call
/// may call the gate in turn.
class GateOwner {
 public:
    GateOwner() = default;
    GateOwner(const GateOwner&) = delete;
    GateOwner& operator=(const GateOwner&) = delete;
    virtual ~GateOwner() = default;

    /// Writes the file's bytes, which are zeros now, to `destination`, then tells
    /// Gate::end_fill, once and after every copy of the descriptor is closed. An error is a fill
    /// that failed, but EAGAIN (no room now) and EPIPE (lose_filler is to follow): it is asked
    /// again.
    virtual Result<void> start_fill(FileId file, Urgency urgency, sys::UniqueFd destination) = 0;
    /// Its fill is urgent now.
    virtual void promote_fill(FileId file) = 0;
    /// Its fill is not wanted any more; it still ends, one way or another.
    virtual void cancel_fill(FileId file) = 0;
    /// Its fill came to nothing, and the file is zeros again; state() says whether it is tried
    /// once more.
    virtual void on_reverted(FileId /*file*/) {}
    /// The first open since the file was filled.
    virtual void on_first_open(FileId file, Found found) = 0;
    /// Something failed that nobody else is told of; the gate goes on, and errs on the side of
    /// denying.
    virtual void on_trouble(const Error& error) = 0;
};

struct GateConfig {
    /// Opens that may wait at once, each with a descriptor of ours, of which they never take more
    /// than a quarter; further ones wait in the kernel.
    std::size_t waiters_max = 4096;
};

/// What keeps a gate shut while its owner is dead and is all that a new owner needs. For processes
/// that are as trusted as the owner.
struct GateHandles {
    sys::UniqueFd group;
    sys::UniqueFd notices;
    sys::UniqueFd ledger;
    sys::UniqueFd mount;
};

/// A tree and the gate before it: the first open of a file waits until its bytes are there and
/// right, later ones cost nothing. All of it in one thread, which must not open the tree's files in
/// any other way.
class Gate {
 public:
    /// Builds the tree, in one go: see GateMaking. `loop` and `owner` outlive the gate.
    static Result<std::unique_ptr<Gate>> create(sys::EventLoop& loop, Entries entries,
                                                const TreeConfig& tree, const GateConfig& config,
                                                GateOwner& owner);

    /// Takes over from an owner that is dead; opens that waited for it are answered by us.
    /// `entries` as at create. The one moment at which a death costs an answer is between the
    /// kernel's telling an event and the note of it: such an open is denied (EAGAIN, before
    /// Linux 6.13 EPERM).
    static Result<std::unique_ptr<Gate>> adopt(sys::EventLoop& loop, Entries entries,
                                               GateHandles handles, const TreeConfig& tree,
                                               const GateConfig& config, GateOwner& owner);

    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;
    /// Denies whoever waits. The shards must have ended before: when the last duplicate of its
    /// handles closes, the kernel lets every open pass.
    ~Gate();

    /// For a keeper.
    Result<GateHandles> duplicate_handles() const;
    /// Of these the one that keeps opens waiting, for whoever must not outlive the gate.
    Result<sys::UniqueFd> duplicate_group() const;
    /// The end of this object answers nobody and takes nothing away: the next owner does.
    void leave_to_next_owner();

    const Tree& tree() const { return tree_; }
    FileState state(FileId file) const { return state_.state(file); }
    bool is_unopened(FileId file) const { return state_.is_unopened(file); }
    std::size_t waiting_count() const { return state_.waiting_count(); }

    /// Have it filled before anybody opens it.
    void prefetch(FileId file);
    void cancel_prefetch(FileId file);
    /// A file whose content was bad may be tried again.
    void forgive(FileId file) { state_.forgive(file); }
    /// The outcome of a fill; `code` is an errno value, 0 for a complete one.
    void end_fill(FileId file, FillVerdict verdict, int code);
    /// Whoever filled is gone, as is everything it was told to do: it is told again.
    void lose_filler();

    /// Gives a filled file's memory back; its next open fills it again. Errors: EBUSY while it is
    /// not filled; EAGAIN while somebody has it open, runs it or maps it.
    Result<void> evict(FileId file);

 private:
    friend class GateMaking;
    struct Groups {
        sys::FanotifyGroup opens;
        sys::FanotifyGroup notices;
    };
    struct DelayedFill {
        FileId file;
        Urgency urgency;
        MonoTime deadline;
        bool is_doubtful = false;  ///< first prove that nobody writes
    };

    static Result<std::unique_ptr<Gate>> assemble(sys::EventLoop& loop, Groups groups, Tree tree,
                                                  const GateConfig& config, GateOwner& owner);
    Gate(sys::EventLoop& loop, Groups groups, Tree tree, Ledger ledger, const GateConfig& config,
         GateOwner& owner);
    Result<void> listen();
    Result<void> take_over();
    void learn_states(const std::vector<ino_t>& marked, const std::vector<ino_t>& watched);
    void sweep_unknown();
    void reserve(Ticket ticket);

    std::size_t readable_count() const;
    void on_opens();
    void on_notices();
    void take_notices(std::vector<sys::OpenEvent> events);
    void read_opens(std::size_t count_max, std::vector<std::pair<Ticket, FileId>>& opens);
    void follow_room();

    void perform();
    void perform_one(const Action& action);
    void fill(const Action& action);
    void retry_delayed();
    void set_delay_timer();
    bool has_writer(FileId file);
    void delay(const DelayedFill& fill);
    void start_fill(const DelayedFill& fill);
    Result<void> publish(FileId file);
    Result<void> revert(FileId file);
    Result<void> punch_unused(FileId file);
    void answer(Ticket ticket, bool is_allowed, int code);
    void tell(const Result<void>& done);

    sys::EventLoop& loop_;
    GateConfig config_;
    GateOwner& owner_;
    Groups groups_;
    Tree tree_;
    Ledger ledger_;
    GateState state_;
    std::set<Ticket> foreign_;  ///< answered under numbers that are other descriptors of ours
    bool is_listening_ = false;
    bool is_reading_paused_ = false;
    std::deque<Action> actions_;
    bool is_performing_ = false;
    std::vector<DelayedFill> delayed_;
    sys::TimerId delay_timer_{0};
    bool is_left_to_next_owner_ = false;
};

}  // namespace shardrun::gate
