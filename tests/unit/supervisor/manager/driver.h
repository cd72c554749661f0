#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/config.h"
#include "supervisor/manager.h"

namespace shardrun::supervisor {

using namespace std::chrono_literals;

/// Drives a Manager by hand: one event in, the actions out, time in between. Every step checks the
/// invariants.
class Driver {
 public:
    explicit Driver(Config config = no_pool(), std::uint32_t unenforced = 0);

    /// Without a warm pool, so that tests of other things see their own shards only.
    static Config no_pool();

    /// What the last step had to be done.
    std::vector<Action> actions;
    MonoTime now{1000h};
    /// Every shard the manager ever wanted made, in order, and those that are ready.
    std::vector<shard::ShardSpec> made;
    std::set<ShardId> ready;

    void step(std::vector<Event> events = {});
    void on(Event event);
    /// Lets time pass, stepping at each deadline on the way.
    void pass(std::chrono::milliseconds time);
    std::optional<MonoTime> next_deadline() const { return manager_.next_deadline(); }

    ClientId connect(uid_t uid = 1000);
    void leave(ClientId client) { on(ClientGone{client}); }
    /// Sends a message and returns its correlation id.
    std::uint64_t ask(ClientId client, Message message, std::vector<shard::FdToken> fds = {});
    std::uint64_t request(ClientId client, ResourceRequest::What what,
                          std::vector<shard::FdToken> fds = {});
    std::uint64_t run(ClientId client, std::optional<ShardId> shard = {},
                      std::vector<shard::FdToken> fds = {});
    std::uint64_t new_shard(ClientId client, ShardOptions options = {});

    void prepared(ShardId shard);
    /// The shard that the last request had made; spares come after it.
    shard::ShardSpec asked_for() const;
    void started(ShardId shard, ProgramId program) {
        on(ProgramStarted{shard, program, {}, {}, 78});
    }
    void exited(ShardId shard, ProgramId program, std::uint8_t status = 0);
    /// A ready shard of the client's own.
    ShardId ready_shard(ClientId client);
    /// A running program in it, or in a shard of its own.
    std::pair<ShardId, ProgramId> running(ClientId client, std::optional<ShardId> shard = {});

    /// All actions of one type in the last step.
    template <class T>
    std::vector<T> all() const {
        std::vector<T> found;
        for (const Action& action : actions)
            if (const T* one = std::get_if<T>(&action)) found.push_back(*one);
        return found;
    }
    /// The only action of this type.
    template <class T>
    T only() const {
        const std::vector<T> found = all<T>();
        REQUIRE(found.size() == 1);
        return found.front();
    }
    template <class T>
    bool has() const {
        return !all<T>().empty();
    }
    /// The order of two actions in the last step: the first T before the first U.
    template <class T, class U>
    bool comes_before() const {
        for (const Action& action : actions) {
            if (std::holds_alternative<T>(action)) return has<U>();
            if (std::holds_alternative<U>(action)) return false;
        }
        return false;
    }

    /// Frames of the last step.
    std::vector<Frame> frames(ClientId client) const;
    /// The reply with this correlation id in the last step; fails the test without exactly one.
    Frame reply(ClientId client, std::uint64_t correlation) const;
    ShardAssignment assignment(ClientId client, std::uint64_t correlation) const;
    ErrorReply refusal(ClientId client, std::uint64_t correlation) const;
    bool is_answered(ClientId client, std::uint64_t correlation) const;
    /// Events of a kind with this correlation id in the last step.
    std::vector<ShardAssignment> events(ClientId client, std::uint64_t correlation,
                                        AssignmentKind kind) const;
    std::vector<AssignmentKind> event_kinds(ClientId client, std::uint64_t correlation) const;

 private:
    Manager manager_;
    std::uint64_t last_client_ = 0;
    std::uint64_t last_correlation_ = 0;
};

inline bool has_flag(const Frame& frame, FrameFlag flag) {
    return (frame.flags & static_cast<std::uint8_t>(flag)) != 0;
}

}  // namespace shardrun::supervisor
