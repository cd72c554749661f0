#include "supervisor/wishes.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "base/capability.h"
#include "base/fail.h"
#include "policy/shard_limits.h"
#include "policy/store_name.h"

namespace shardrun::supervisor {

namespace {

constexpr std::string_view kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
// The one directory that every shard has and its programs may write to.
constexpr std::string_view kDefaultHome = "HOME=/tmp";
constexpr std::size_t kHostNameMax = 64;  // sethostname(2)

bool is_host_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
}

Result<void> check_host_name(std::string_view name) {
    const bool is_good = !name.empty() && name.size() <= kHostNameMax && name.front() != '-' &&
                         name.front() != '.' &&
                         std::all_of(name.begin(), name.end(), is_host_name_char);
    if (is_good) return {};
    return refuse(EINVAL, "hostname: '{}' is none; 1 to {} letters, digits, '-' and '.' make one",
                  name.substr(0, kHostNameMax), kHostNameMax);
}

Result<void> check_profile_known(const Config& config, const std::string& name) {
    if (name == "default" || config.seccomp_profiles.contains(name)) return {};
    return refuse(ENOENT, "seccomp_profile: '{}' is not configured; [seccomp.profiles] names them",
                  name);
}

/// Whether it is there, the store says when the shard is made.
Result<void> check_image(const Config& config, const std::string& image) {
    SR_DO(policy::check_store_name("image", image));
    if (!config.store.path.empty()) return {};
    return refuse(ENOENT,
                  "image: '{}' is not there, as store.path names no store; leave it out for the "
                  "host's read-only paths",
                  image);
}

/// A NUL would silently cut a string at exec.
Result<void> check_strings(const char* field, const std::vector<std::string>& strings) {
    for (std::size_t i = 0; i < strings.size(); ++i)
        if (strings[i].find('\0') != std::string::npos)
            return refuse(EINVAL, "{}[{}]: holds a NUL byte", field, i);
    return {};
}

Result<void> check_env(const std::vector<std::string>& env) {
    SR_DO(check_strings("env", env));
    for (std::size_t i = 0; i < env.size(); ++i) {
        const std::size_t equals = env[i].find('=');
        if (equals == std::string::npos || equals == 0)
            return refuse(EINVAL, "env[{}]: '{}' is not of the form NAME=value", i,
                          std::string_view(env[i]).substr(0, 32));
    }
    return {};
}

Result<void> check_stdio(const ProgramOptions& options, std::size_t fd_count) {
    if (options.terminal && fd_count != 0)
        return refuse(EINVAL, "terminal: {} descriptors came along; with a terminal none may",
                      fd_count);
    if (fd_count == 0 || fd_count == 3) return {};
    return refuse(EINVAL, "stdio: {} descriptors came along; send 3 (for 0, 1, 2) or none",
                  fd_count);
}

void add_if_absent(std::vector<std::string>& env, std::string_view entry) {
    const std::string_view name = entry.substr(0, entry.find('=') + 1);
    const bool is_there = std::any_of(
        env.begin(), env.end(), [&](const std::string& known) { return known.starts_with(name); });
    if (!is_there) env.emplace_back(entry);
}

ShardLimits with_defaults(const Config& config, const policy::Grant& grant,
                          const ShardLimits& wish) {
    const ShardLimits base = policy::clamp_limits(config.shard.limits, grant.rule.limits_max);
    return policy::merge_limits(base, wish);
}

}  // namespace

policy::Grant grant_of(const Config& config, uid_t uid) {
    const auto own = config.clients.find(uid);
    if (own == config.clients.end()) return {uid, config.default_client, false};
    return {uid, own->second, true};
}

Result<shard::ShardSpec> check_shard(const Config& config, const policy::Grant& grant,
                                     const ShardOptions& options, std::uint32_t missing) {
    shard::ShardSpec spec = default_shard(config);
    if (options.image) {
        SR_DO(check_image(config, *options.image));
        spec.image = *options.image;
    }
    SR_DO(policy::check_limit_values(options.limits));
    SR_DO(policy::check_limits_allowed(grant, options.limits));
    spec.limits = with_defaults(config, grant, options.limits);
    SR_DO(policy::check_controllers(spec.limits, missing));
    spec.network = options.network.value_or(NetworkMode::none);
    SR_DO(policy::check_network(grant, spec.network));
    if (options.seccomp_profile) {
        spec.seccomp_profile = *options.seccomp_profile;
        SR_DO(check_profile_known(config, spec.seccomp_profile));
        SR_DO(policy::check_seccomp_profile(grant, spec.seccomp_profile));
    }
    if (options.hostname) {
        SR_DO(check_host_name(*options.hostname));
        spec.hostname = *options.hostname;
    }
    spec.user_namespace = options.user_namespace.value_or(spec.user_namespace);
    SR_TRY(spec.capabilities, policy::check_capabilities(grant, options.capabilities));
    return spec;
}

shard::ShardSpec default_shard(const Config& config) {
    shard::ShardSpec spec;
    spec.limits = policy::clamp_limits(config.shard.limits, config.default_client.limits_max);
    spec.seccomp_profile = config.shard.seccomp_profile;
    spec.hostname = config.shard.hostname;
    spec.user_namespace = config.shard.user_namespace;
    return spec;
}

Result<shard::ProgramSpec> check_program(ProgramOptions options, std::size_t fd_count,
                                         const ShardLimits& limits) {
    if (options.argv.empty() || options.argv.front().empty())
        return refuse(EINVAL, "argv: names no program");
    SR_DO(check_strings("argv", options.argv));
    SR_DO(check_env(options.env));
    SR_DO(check_stdio(options, fd_count));
    shard::ProgramSpec program;
    program.cwd = options.cwd.value_or("/");
    if (!program.cwd.starts_with('/') || program.cwd.find('\0') != std::string::npos)
        return refuse(EINVAL, "cwd: '{}' is no absolute path", program.cwd);
    program.argv = std::move(options.argv);
    program.env = std::move(options.env);
    add_if_absent(program.env, kDefaultPath);
    add_if_absent(program.env, kDefaultHome);
    program.terminal = options.terminal;
    program.wants_pidfd = options.wants_pidfd;
    program.files_max = limits.files_max.value_or(program.files_max);
    return program;
}

Result<ShardLimits> check_resize(const policy::Grant& grant, const ShardLimits& current,
                                 const ShardLimits& wish, std::uint32_t missing) {
    if (wish.tmpfs_size_max_bytes && wish.tmpfs_size_max_bytes != current.tmpfs_size_max_bytes)
        return refuse(EINVAL,
                      "tmpfs_size_max_bytes: {} asked, fixed at {} since the shard was "
                      "made; ask for a new shard",
                      *wish.tmpfs_size_max_bytes, current.tmpfs_size_max_bytes.value_or(0));
    SR_DO(policy::check_limit_values(wish));
    SR_DO(policy::check_limits_allowed(grant, wish));
    SR_DO(policy::check_controllers(wish, missing));
    return policy::merge_limits(current, wish);
}

ShardOptions options_of(const shard::ShardSpec& spec) {
    ShardOptions options;
    options.limits = spec.limits;
    options.network = spec.network;
    if (!spec.image.empty()) options.image = spec.image;
    options.seccomp_profile = spec.seccomp_profile;
    options.hostname = spec.hostname;
    options.user_namespace = spec.user_namespace;
    options.capabilities = capability_names(spec.capabilities);
    return options;
}

}  // namespace shardrun::supervisor
