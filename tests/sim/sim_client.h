#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mono_time.h"
#include "base/rng.h"
#include "ledger.h"
#include "supervisor/manager.h"

namespace shardrun::sim {

/// One connection that asks for anything, sensible or not, and holds the manager to its word: one
/// reply for each request, the events it promises, and none that it does not.
class SimClient {
 public:
    SimClient(supervisor::ClientId id, supervisor::PeerCredentials peer,
              std::vector<std::string>& complaints)
        : id_(id), peer_(peer), complaints_(complaints) {}

    supervisor::ClientId id() const { return id_; }
    const supervisor::PeerCredentials& peer() const { return peer_; }

    /// The next frame it sends. `shards`: how many the manager has made so far.
    supervisor::ClientFrame ask(Rng& rng, Ledger& ledger, std::uint64_t shards, MonoTime now);
    void on_frame(const supervisor::SendFrame& action);
    void on_close();

    /// The manager said CloseClient.
    bool is_closed() const { return is_closed_; }
    /// It broke the protocol itself: what it asked for need not be answered.
    bool is_guilty() const { return is_guilty_; }
    /// It was told that this program runs and not that it ended.
    bool believes_running(ProgramId program) const { return running_.contains(program); }
    /// Complains about what has waited since before `limit`.
    void check_patience(MonoTime limit);
    /// Complains about everything that was never answered or never ended.
    void check_settled();

 private:
    enum class Kind { run, new_shard, subscribe, release, list, status, blob, other };
    struct Asked {
        Kind kind = Kind::other;
        MonoTime since;
        bool is_answered = false;
        bool is_refused = false;
        bool is_over = false;  ///< had its last event
        bool wants_prefetch = false;
        bool wants_blob_fd = false;
        std::string blob;
    };

    Message random_message(Rng& rng, std::uint64_t shards);
    ResourceRequest random_request(Rng& rng, std::uint64_t shards);
    ResourceRequest::Run random_run(Rng& rng, std::uint64_t shards);
    ShardOptions random_options(Rng& rng);
    static std::string random_blob(Rng& rng);
    ShardId random_shard(Rng& rng, std::uint64_t shards);
    static Asked describe(const Message& message, MonoTime now);
    void on_reply(Asked& asked, const Frame& frame);
    void on_blob(const Asked& asked, const Frame& frame, const PrefetchResponse& response);
    void on_file_used(const Frame& frame, const PrefetchResponse& used);
    void on_event(Asked& asked, const ShardAssignment& assignment);
    void complain(const Frame& frame, const std::string& what);

    supervisor::ClientId id_;
    supervisor::PeerCredentials peer_;
    std::vector<std::string>& complaints_;
    std::uint64_t correlation_ = 0;
    std::map<std::uint64_t, Asked> asked_;
    std::vector<ShardId> shards_;
    std::vector<ProgramId> programs_;
    std::set<ProgramId> running_;
    std::optional<std::uint64_t> watch_;  ///< correlation of the subscription in force
    bool is_closed_ = false;
    bool is_guilty_ = false;
};

}  // namespace shardrun::sim
