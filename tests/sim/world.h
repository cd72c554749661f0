#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mono_time.h"
#include "base/rng.h"
#include "ledger.h"
#include "sim_backend.h"
#include "sim_client.h"
#include "supervisor/config.h"
#include "supervisor/manager.h"

namespace shardrun::sim {

/// A bug planted between the manager and its world, to see whether anybody notices.
enum class Canary {
    none,
    reclaim_is_lost,     ///< a ShardReclaimed never arrives
    descriptor_leaks,    ///< a DiscardFd is not performed
    reply_is_lost,       ///< a reply is not sent
    reply_comes_twice,   ///< a reply is sent again
    exit_is_lost,        ///< a ProgramExited never arrives although its shard lives on
    uid_is_shared,       ///< two shards get one uid
    destroyed_too_soon,  ///< a shard is destroyed before its program's exit is told
    slice_stays,         ///< a RemoveSlice is not performed
    shard_stays,         ///< a DestroyShard is not performed
};

/// The manager among simulated clients and a simulated kernel, all from one seed.
class World {
 public:
    explicit World(std::uint64_t seed, Canary canary = Canary::none);

    /// Lives through `steps` random steps, then drains. The first thing that went wrong, with the
    /// step and the seed; none if all went well.
    std::optional<std::string> run(unsigned steps);

    struct Totals {
        std::uint64_t frames_sent = 0;
        std::uint64_t frames_received = 0;
        std::uint64_t programs_started = 0;
        std::uint64_t warm = 0;
        std::uint64_t shards_prepared = 0;
        std::uint64_t blobs = 0;          ///< responses with anything but a failure
        std::uint64_t files_watched = 0;  ///< events to whoever subscribed to prefetch
    };
    const Totals& totals() const { return totals_; }

 private:
    std::shared_ptr<const supervisor::Config> random_config();
    void advance_time();
    std::vector<supervisor::Event> gather();
    void add_client_events(std::vector<supervisor::Event>& events);
    void add_connection(std::vector<supervisor::Event>& events);
    void let_closed_go(std::vector<supervisor::Event>& events);
    void step(std::vector<supervisor::Event> events);
    void settle();
    void plant(std::vector<supervisor::Event>& events);
    void plant(std::vector<supervisor::Action>& actions);
    static bool exit_before(const std::vector<supervisor::Action>& actions, std::size_t i);
    void perform(supervisor::Action& action);
    void perform_frame(const supervisor::SendFrame& action);
    void drain();
    void check_end();
    bool strikes();

    std::uint64_t seed_;
    Canary canary_;
    bool has_struck_ = false;
    Rng rng_;
    MonoTime now_{std::chrono::hours(1)};
    Ledger ledger_;
    std::vector<std::string> complaints_;
    SimBackend backend_;
    std::shared_ptr<const supervisor::Config> config_;
    supervisor::Manager manager_;
    std::map<supervisor::ClientId, SimClient> clients_;
    std::vector<supervisor::ClientId> closing_;
    std::set<supervisor::ClientId> leaving_;
    std::uint64_t last_client_ = 0;
    std::uint64_t shards_made_ = 0;
    bool is_draining_ = false;
    bool lets_connect_ = true;
    bool is_finished_ = false;
    Totals totals_;
};

}  // namespace shardrun::sim
