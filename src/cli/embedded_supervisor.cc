#include "cli/embedded_supervisor.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "base/capability.h"
#include "base/fail.h"
#include "cli/config_key.h"

namespace shardrun::cli {
namespace {

constexpr std::uint64_t kUidMax = 4294967293;

/// Who starts an embedded supervisor is root already: no permission is kept from it.
ClientRule full_rule(const supervisor::Config& config) {
    ClientRule rule;
    rule.host_network = true;
    rule.capabilities = capability_names(~std::uint64_t{0});
    for (const auto& [profile, path] : config.seccomp_profiles)
        rule.seccomp_profiles.push_back(profile);
    return rule;
}

}  // namespace

Result<supervisor::Config> embedded_config(supervisor::Config config, std::uint32_t own_pid,
                                           bool best_effort) {
    // Living processes have different pids, so the uids behind the service's range never meet.
    const std::uint64_t behind = std::uint64_t{config.shard.uid_first} + config.shard.uid_count;
    if (behind + kEmbeddedUids > kUidMax)
        return refuse(
            ERANGE,
            "shard.uid_first: an embedded supervisor takes its uid from the {} behind the "
            "range, which end at {}: begin the range at {} or below",
            kEmbeddedUids, kUidMax, kUidMax - kEmbeddedUids - config.shard.uid_count);
    config.shard.uid_first = static_cast<uid_t>(behind + own_pid % kEmbeddedUids);
    config.shard.uid_count = 1;
    config.shard.linger = std::chrono::milliseconds{0};
    config.warm_pool.shards_max = 0;
    config.warm_pool.shards_min = 0;
    config.warm_pool.trees_max = 0;
    config.clients = {{0, full_rule(config)}};
    if (best_effort) config.cgroup.controllers = supervisor::ControllerPolicy::best_effort;
    return config;
}

shard::BackendOptions backend_options(const supervisor::Config& config) {
    shard::BackendOptions options;
    options.cgroup_root = config.cgroup.root;
    options.best_effort = config.cgroup.controllers == supervisor::ControllerPolicy::best_effort;
    options.read_only_paths = config.shard.read_only_paths;
    options.seccomp_profiles = config.seccomp_profiles;
    return options;
}

Result<std::unique_ptr<EmbeddedSupervisor>> EmbeddedSupervisor::start(supervisor::Config config,
                                                                      sys::EventLoop& loop,
                                                                      shard::TreeSource* trees) {
    std::unique_ptr<EmbeddedSupervisor> embedded(new EmbeddedSupervisor(loop));
    shard::BackendOptions options = backend_options(config);
    options.is_single = true;
    options.trees = trees;
    embedded->server_ = std::make_unique<supervisor::Server>(
        std::make_shared<const supervisor::Config>(std::move(config)), loop, embedded->fds_);
    SR_TRY(embedded->backend_, shard::LinuxBackend::create(options, loop, embedded->fds_,
                                                           embedded->server_->listener()));
    embedded->server_->start(*embedded->backend_, embedded->backend_->unenforced());
    return embedded;
}

EmbeddedSupervisor::~EmbeddedSupervisor() = default;

Result<Client> EmbeddedSupervisor::connect() {
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()) != 0)
        return fail_errno("connect to the embedded supervisor");
    UniqueFd ours(pair[0]);
    UniqueFd theirs(pair[1]);
    const supervisor::PeerCredentials self{::geteuid(), ::getegid(), ::getpid()};
    SR_TRY([[maybe_unused]] const supervisor::ClientId id,
           server_->adopt_connection(std::move(theirs), self));
    return Client::adopt(std::move(ours));
}

Result<void> EmbeddedSupervisor::finish() {
    server_->drain();
    return server_->run();
}

}  // namespace shardrun::cli
