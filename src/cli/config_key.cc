#include "cli/config_key.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/fail.h"
#include "cli/config_binding.h"
#include "cli/config_check.h"
#include "cli/quantity.h"

namespace shardrun::cli {
namespace {

using binding::in_client;
using binding::in_config;
using binding::in_limits;
using supervisor::Config;

constexpr std::int64_t kKib = 1 << 10;
constexpr std::int64_t kMib = 1 << 20;
constexpr std::int64_t kMemoryMibMax = 64LL << 20U;  // 64 TiB
constexpr std::int64_t kDayMs = 86'400'000;

constexpr ConfigKey flag(std::string_view name, std::string_view doc) {
    return {.name = name, .type = KeyType::boolean, .doc = doc};
}
constexpr ConfigKey number(std::string_view name, std::int64_t min, std::int64_t max,
                           std::string_view unit, std::string_view doc) {
    return {
        .name = name, .type = KeyType::integer, .min = min, .max = max, .unit = unit, .doc = doc};
}
/// A number that may also be the word `absent`.
constexpr ConfigKey limit(std::string_view name, std::int64_t min, std::int64_t max,
                          std::string_view unit, std::string_view doc,
                          std::string_view absent = "max") {
    ConfigKey key = number(name, min, max, unit, doc);
    key.absent = absent;
    return key;
}
constexpr ConfigKey text(std::string_view name, std::int64_t min, std::int64_t max,
                         Result<void> (*check)(std::string_view), std::string_view doc) {
    return {
        .name = name, .type = KeyType::text, .min = min, .max = max, .doc = doc, .check = check};
}
constexpr ConfigKey list(std::string_view name, std::int64_t max,
                         Result<void> (*check)(std::string_view), std::string_view doc) {
    return {.name = name, .type = KeyType::text_list, .max = max, .doc = doc, .check = check};
}
constexpr ConfigKey choice(std::string_view name, std::string_view choices, std::string_view doc) {
    return {.name = name, .type = KeyType::choice, .choices = choices, .doc = doc};
}

constexpr ConfigKey octal(std::string_view name, std::int64_t max, std::string_view doc) {
    return {.name = name, .type = KeyType::octal, .max = max, .doc = doc};
}

void set_controllers(const ConfigTarget& target, const ConfigValue& value) {
    target.config->cgroup.controllers = std::get<std::string>(value) == "require"
                                            ? supervisor::ControllerPolicy::require
                                            : supervisor::ControllerPolicy::best_effort;
}

ConfigValue get_controllers(const ConfigTarget& target) {
    const bool required =
        target.config->cgroup.controllers == supervisor::ControllerPolicy::require;
    return std::string(required ? "require" : "best-effort");
}

using OwnerName = std::pair<std::string_view, supervisor::TreeOwner>;
constexpr auto kOwnerNames = std::to_array<OwnerName>({
    {"client", supervisor::TreeOwner::client},
    {"shard", supervisor::TreeOwner::shard},
    {"host", supervisor::TreeOwner::host},
});

void set_owner(const ConfigTarget& target, const ConfigValue& value) {
    target.config->store.owner =
        std::ranges::find(kOwnerNames, std::get<std::string>(value), &OwnerName::first)->second;
}

ConfigValue get_owner(const ConfigTarget& target) {
    return std::string(
        std::ranges::find(kOwnerNames, target.config->store.owner, &OwnerName::second)->first);
}

void set_profile(const ConfigTarget& target, const ConfigValue& value) {
    target.config->seccomp_profiles[target.name] = std::get<std::string>(value);
}

ConfigValue get_profile(const ConfigTarget& target) {
    const auto found = target.config->seccomp_profiles.find(target.name);
    return found == target.config->seccomp_profiles.end() ? ConfigValue{} : found->second;
}

void set_io_max(const ConfigTarget& target, const ConfigValue& value) {
    target.limits->io_max.clear();
    for (const std::string& line : std::get<std::vector<std::string>>(value))
        target.limits->io_max.push_back(*parse_io_limit(line, refuse_device_path));
}

std::string io_limit_text(const IoLimit& line) {
    std::string text = fmt::format("{}:{}", line.major, line.minor);
    const auto append = [&](const char* name, const std::optional<std::uint64_t>& rate) {
        if (rate) text += fmt::format(" {}={}", name, *rate);
    };
    append("rbps", line.read_bytes_per_second);
    append("wbps", line.write_bytes_per_second);
    append("riops", line.read_ops_per_second);
    append("wiops", line.write_ops_per_second);
    // A line without rates is valid and says "max" for one of them.
    return text.find('=') == text.npos ? text + " rbps=max" : text;
}

ConfigValue get_io_max(const ConfigTarget& target) {
    std::vector<std::string> lines;
    lines.reserve(target.limits->io_max.size());
    for (const IoLimit& line : target.limits->io_max) lines.push_back(io_limit_text(line));
    return lines;
}

constexpr ConfigKey with(KeyScope scope, ConfigKey key,
                         void (*set)(const ConfigTarget&, const ConfigValue&),
                         ConfigValue (*get)(const ConfigTarget&)) {
    key.scope = scope;
    key.set = set;
    key.get = get;
    return key;
}

constexpr auto kKeys = std::to_array<ConfigKey>({
    in_config<&Config::socket, &Config::Socket::path>(text(
        "socket.path", 1, 107, check_absolute_path,
        "Where the supervisor listens. systemd's socket unit, when it is in use, overrides it.")),
    in_config<&Config::socket, &Config::Socket::mode>(
        octal("socket.mode", 0777,
              "Permissions of the socket; who may connect is then decided by [clients].")),
    in_config<&Config::socket, &Config::Socket::group>(
        text("socket.group", 1, 32, check_group, "Group of the socket, by name or number.")),
    in_config<&Config::socket, &Config::Socket::backlog>(
        number("socket.backlog", 1, 65535, "", "Connections that may wait to be accepted.")),

    in_config<&Config::supervisor, &Config::Supervisor::tick>(
        number("supervisor.tick_ms", 10, 60000, "ms",
               "The slow tick: housekeeping that no event announces.")),
    in_config<&Config::supervisor, &Config::Supervisor::request_deadline>(
        number("supervisor.request_deadline_ms", 10, 600000, "ms",
               "A client that began a frame must have sent all of it by then, or it is closed.")),
    in_config<&Config::supervisor, &Config::Supervisor::launch_deadline>(number(
        "supervisor.launch_deadline_ms", 10, 600000, "ms",
        "Preparing a shard and executing its program must be done by then, or it has failed.")),
    in_config<&Config::supervisor, &Config::Supervisor::drain_deadline>(
        number("supervisor.drain_deadline_ms", 0, 3600000, "ms",
               "After SIGTERM running programs get so long to end before they are killed.")),
    in_config<&Config::supervisor, &Config::Supervisor::connections_max>(number(
        "supervisor.connections_max", 1, 65536, "", "Connections at once, over all clients.")),
    in_config<&Config::supervisor, &Config::Supervisor::shards_max>(
        number("supervisor.shards_max", 1, 65536, "", "Shards at once, over all clients.")),
    in_config<&Config::supervisor, &Config::Supervisor::send_queue_max_kib>(
        number("supervisor.send_queue_max_kib", 16, 65536, "KiB",
               "What may wait to be sent to one client; a client that reads slower is closed.")),
    in_config<&Config::supervisor, &Config::Supervisor::log_level>(
        choice("supervisor.log_level", "error|warning|notice|info|debug",
               "Log lines of this level and the graver ones are written to standard error.")),

    in_config<&Config::cgroup, &Config::Cgroup::root>(
        text("cgroup.root", 0, 255, check_cgroup_path,
             "The cgroup that holds all slices, below the cgroup2 mount. Empty: the one that was "
             "delegated to the service, else 'shardrun'.")),
    with(
        KeyScope::config,
        choice("cgroup.controllers", "require|best-effort",
               "What to do when the host lacks a controller: refuse to start, or go on and show in "
               "every listing which limits are not enforced."),
        set_controllers, get_controllers),

    in_config<&Config::shard, &Config::Shard::uid_first>(
        number("shard.uid_first", 1, 4294967000, "",
               "First of the host uids (and gids) of shards. Nothing else may use the range.")),
    in_config<&Config::shard, &Config::Shard::uid_count>(
        number("shard.uid_count", 1, 16777216, "",
               "Length of that range. Each living shard has a uid of its own.")),
    in_config<&Config::shard, &Config::Shard::linger>(
        number("shard.linger_ms", 0, kDayMs, "ms",
               "The shards of a client that disconnected live on for so long.")),
    in_config<&Config::shard, &Config::Shard::idle_timeout>(
        number("shard.idle_timeout_ms", 0, kDayMs, "ms",
               "A shard without programs is reclaimed after so long; 0: never.")),
    in_config<&Config::shard, &Config::Shard::hostname>(
        text("shard.hostname", 1, 64, check_hostname, "Host name inside a shard.")),
    in_config<&Config::shard, &Config::Shard::seccomp_profile>(text(
        "shard.seccomp_profile", 1, 64, check_profile_name,
        "Seccomp profile of a shard that names none: 'default', which is built in, or a key of "
        "[seccomp.profiles].")),
    in_config<&Config::shard, &Config::Shard::user_namespace>(
        flag("shard.user_namespace", "Give each shard a user namespace as well.")),
    in_config<&Config::shard, &Config::Shard::read_only_paths>(
        list("shard.read_only_paths", 64, check_absolute_path,
             "Host directories that are seen, read-only, inside every shard.")),

    in_limits<&ShardLimits::cpu_max_millicores>(limit("cpu_max_millicores", 10, 1024000,
                                                      "millicores",
                                                      "CPU time, 1000 being one core (cpu.max).")),
    in_limits<&ShardLimits::cpu_weight>(limit(
        "cpu_weight", 1, 10000, "", "Share of CPU time beside others (cpu.weight).", "default")),
    in_limits<&ShardLimits::cpuset_cpus>([] {
        ConfigKey key = text("cpuset_cpus", 1, 1024, check_cpuset,
                             "Cores that may be used, as in \"0-3,7\" (cpuset.cpus).");
        key.absent = "all";
        return key;
    }()),
    in_limits<&ShardLimits::memory_high_bytes, kMib>(
        limit("memory_high_mib", 1, kMemoryMibMax, "MiB",
              "Above it programs are slowed down and memory is reclaimed (memory.high).")),
    in_limits<&ShardLimits::memory_max_bytes, kMib>(
        limit("memory_max_mib", 1, kMemoryMibMax, "MiB",
              "Above it all programs of the shard are killed (memory.max). Files in the shard's "
              "tmpfs count.")),
    in_limits<&ShardLimits::memory_swap_max_bytes, kMib>(
        limit("memory_swap_max_mib", 0, kMemoryMibMax, "MiB", "Swap (memory.swap.max).")),
    in_limits<&ShardLimits::pids_max>(
        limit("pids_max", 2, 4194304, "",
              "Processes and threads, the shard's init included (pids.max).")),
    with(KeyScope::limits,
         list("io_max", 32, check_io_limit,
              "One string per block device, as in \"8:0 rbps=10M wiops=100\" (io.max); rbps, wbps, "
              "riops, wiops."),
         set_io_max, get_io_max),
    in_limits<&ShardLimits::io_weight>(limit(
        "io_weight", 1, 10000, "", "Share of disk time beside others (io.weight).", "default")),
    in_limits<&ShardLimits::tmpfs_size_max_bytes, kMib>(
        limit("tmpfs_size_max_mib", 1, 16777216, "MiB", "Size of the shard's private tmpfs.")),
    in_limits<&ShardLimits::files_max>(
        limit("files_max", 16, 1048576, "", "Open files of each program (RLIMIT_NOFILE).")),

    in_config<&Config::warm_pool, &Config::WarmPool::shards_max>(
        number("warm_pool.shards_max", 0, 4096, "",
               "Shards prepared ahead of demand, over all kinds; 0: none.")),
    in_config<&Config::warm_pool, &Config::WarmPool::shards_min>(
        number("warm_pool.shards_min", 0, 4096, "",
               "Of the default kind, kept from the start, whatever the demand.")),
    in_config<&Config::warm_pool, &Config::WarmPool::trees_max>(
        number("warm_pool.trees_max", 0, 1024, "",
               "Trees made ahead of demand, over all images that are used often; 0: none.")),
    in_config<&Config::warm_pool, &Config::WarmPool::memory>(
        number("warm_pool.memory_ms", 100, 3600000, "ms",
               "Demand older than this is forgotten when the pool's size is chosen.")),

    in_config<&Config::store, &Config::Store::path>(
        text("store.path", 0, 4095, check_absolute_path,
             "The directory that holds images and blobs; empty: there is none, and images are "
             "refused.")),
    with(KeyScope::config,
         choice("store.owner", "client|shard|host",
                "Whom the tree of an image belongs to: with 'client' each client has its own and "
                "all its shards share it, with 'shard' each shard has its own, with 'host' all "
                "clients share one."),
         set_owner, get_owner),
    in_config<&Config::store, &Config::Store::prefetch_workers>(
        number("store.prefetch_workers", 1, 64, "",
               "Threads that fill files before they are opened; those that somebody waits for "
               "have others.")),
    in_config<&Config::store, &Config::Store::prefetch_in_flight_bytes, kKib>(number(
        "store.prefetch_in_flight_kib", 64, 65536, "KiB",
        "What may be on its way from the disk at once for files that nobody waits for, while "
        "somebody waits for others; else it is 16 times as much.")),
    in_config<&Config::store, &Config::Store::tree_size_max_bytes, kMib>(
        limit("store.tree_size_max_mib", 1, 16777216, "MiB",
              "What the files of one tree may occupy in memory.")),
    in_config<&Config::store, &Config::Store::origins>(
        list("store.origins", 16, check_origin,
             "Where blobs come from that the store lacks, in the order they are asked: "
             "\"http://host[:port]/prefix\", the same with https, or a directory.")),
    in_config<&Config::store, &Config::Store::fetch_transfers>(
        number("store.fetch_transfers", 1, 256, "",
               "Blobs that are fetched at once; a quarter of them is kept for those that somebody "
               "waits for.")),
    in_config<&Config::store, &Config::Store::fetch_attempts>(
        number("store.fetch_attempts", 1, 1000, "",
               "So many requests in a row that bring nothing new, and the next origin is asked.")),
    in_config<&Config::store, &Config::Store::fetch_connect_timeout>(
        number("store.fetch_connect_timeout_ms", 1, 600000, "ms",
               "An origin must have accepted a connection by then.")),
    in_config<&Config::store, &Config::Store::fetch_stall>(
        number("store.fetch_stall_ms", 1000, 600000, "ms",
               "A transfer that brings nothing for so long, in whole seconds, is given up and "
               "begun again.")),
    in_config<&Config::store, &Config::Store::fetch_deadline>(
        number("store.fetch_deadline_ms", 1000, kDayMs, "ms",
               "One blob must be there by then, whatever is tried for it.")),
    in_config<&Config::store, &Config::Store::fetch_size_max_bytes, kMib>(
        number("store.fetch_size_max_mib", 1, 16777216, "MiB",
               "The largest blob that is fetched when no image tells its size.")),
    in_config<&Config::store, &Config::Store::fetch_ca_file>(
        text("store.fetch_ca_file", 0, 4095, check_absolute_path,
             "Certificates (PEM) that origins are trusted by, in place of the system's; empty: "
             "those.")),

    with(KeyScope::config,
         text("seccomp.profiles.*", 1, 4095, check_absolute_path,
              "A seccomp profile in the OCI format (JSON): its name, and the path of its file."),
         set_profile, get_profile),

    in_client<&ClientRule::may_connect>(flag("may_connect", "Whether it may connect at all.")),
    in_client<&ClientRule::is_administrator>(
        flag("is_administrator", "Whether it sees and may touch all shards. Root always may.")),
    in_client<&ClientRule::shards_max>(number("shards_max", 0, 65536, "", "Its shards at once.")),
    in_client<&ClientRule::connections_max>(
        number("connections_max", 1, 65536, "", "Its connections at once.")),
    in_client<&ClientRule::programs_max>(number(
        "programs_max", 0, 1048576, "", "Its running programs at once, over all of its shards.")),
    in_client<&ClientRule::capabilities>(
        list("capabilities", 64, check_capability,
             "Capabilities that its shards may be granted, as in \"CAP_NET_RAW\".")),
    in_client<&ClientRule::seccomp_profiles>(
        list("seccomp_profiles", 64, check_profile_name, "Seccomp profiles that it may name.")),
    in_client<&ClientRule::host_network>(
        flag("host_network", "Whether its shards may use the host's network.")),
});

}  // namespace

std::span<const ConfigKey> config_keys() {
    return kKeys;
}

}  // namespace shardrun::cli
