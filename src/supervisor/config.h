#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "policy/client_rule.h"
#include "shardrun/messages.h"

namespace shardrun::supervisor {

using policy::ClientRule;

enum class ControllerPolicy : std::uint8_t { require, best_effort };

/// Whom the tree of an image belongs to, and so who shares it and is charged for it.
enum class TreeOwner : std::uint8_t { client, shard, host };

/// All settings of `shardrun serve`, with their defaults. One TOML file; see shardrun.toml(5) for
/// every key. Plain values; parsed by cli/config_file, never read from the environment.
struct Config {
    struct Socket {
        std::string path = "/run/shardrun/shardrun.sock";
        std::uint32_t mode = 0660;
        std::string group = "root";
        std::uint32_t backlog = 128;
        bool operator==(const Socket&) const = default;
    } socket;

    struct Supervisor {
        std::chrono::milliseconds tick{1000};  ///< the slow tick
        std::chrono::milliseconds request_deadline{
            10000};  ///< a started frame must be complete by then
        std::chrono::milliseconds launch_deadline{
            30000};                                       ///< prepare and exec must be done by then
        std::chrono::milliseconds drain_deadline{10000};  ///< programs get this long after SIGTERM
        std::uint32_t connections_max = 1024;
        std::uint32_t shards_max = 4096;
        std::uint32_t send_queue_max_kib =
            1024;  ///< per client; a client that reads slower is closed
        std::string log_level = "notice";
        bool operator==(const Supervisor&) const = default;
    } supervisor;

    struct Cgroup {
        std::string
            root;  ///< below the cgroup2 mount; empty: find a delegated one or use "shardrun"
        ControllerPolicy controllers = ControllerPolicy::require;
        bool operator==(const Cgroup&) const = default;
    } cgroup;

    struct Shard {
        uid_t uid_first = 1'900'000'000;
        std::uint32_t uid_count = 65536;
        std::chrono::milliseconds linger{0};  ///< a gone client's shards live on for so long
        std::chrono::milliseconds idle_timeout{
            0};  ///< a shard without programs is reclaimed after; 0: never
        std::string hostname = "shard";
        std::string seccomp_profile = "default";
        bool user_namespace = false;
        std::vector<std::string> read_only_paths{
            "/usr"};         ///< host directories seen read-only inside
        ShardLimits limits;  ///< defaults; set in the constructor below
        bool operator==(const Shard&) const = default;
        Shard() {
            limits.cpu_max_millicores = 1000;
            limits.memory_max_bytes = 512ULL << 20U;
            limits.memory_swap_max_bytes = 0;
            limits.pids_max = 256;
            limits.tmpfs_size_max_bytes = 128ULL << 20U;
            limits.files_max = 1024;
        }
    } shard;

    struct WarmPool {
        std::uint32_t shards_max = 16;            ///< parked shards over all kinds; 0: no pool
        std::uint32_t shards_min = 0;             ///< of the default kind, from the start
        std::uint32_t trees_max = 4;              ///< images' trees made ahead; 0: none
        std::chrono::milliseconds memory{10000};  ///< demand older than this is forgotten
        bool operator==(const WarmPool&) const = default;
    } warm_pool;

    struct Store {
        std::string path = "/var/lib/shardrun";  ///< empty: no store; images are refused
        TreeOwner owner = TreeOwner::client;
        std::uint32_t prefetch_workers = 1;
        std::uint64_t prefetch_in_flight_bytes = 512U << 10U;
        /// What one tree's files may occupy; absent: not limited.
        std::optional<std::uint64_t> tree_size_max_bytes = 4096ULL << 20U;
        /// Directories and URLs that blobs come from which the store lacks, in the order asked.
        std::vector<std::string> origins;
        std::uint32_t fetch_transfers = 16;
        std::uint32_t fetch_attempts = 4;  ///< in vain, of one origin in a row
        std::chrono::milliseconds fetch_connect_timeout{10'000};
        std::chrono::milliseconds fetch_stall{10'000};      ///< without a byte
        std::chrono::milliseconds fetch_deadline{600'000};  ///< for one blob, all origins together
        std::uint64_t fetch_size_max_bytes = 4096ULL << 20U;  ///< whose size no image tells
        std::string fetch_ca_file;  ///< certificates in place of the system's; empty: those
        bool operator==(const Store&) const = default;
    } store;

    std::map<std::string, std::string>
        seccomp_profiles;  ///< name → path of an OCI-format JSON file
    ClientRule default_client;
    std::map<uid_t, ClientRule> clients;

    bool operator==(const Config&) const = default;
};

}  // namespace shardrun::supervisor
