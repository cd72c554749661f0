#include "cli/run_plan.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/fail.h"
#include "cli/config_check.h"
#include "cli/did_you_mean.h"
#include "cli/run_options.h"

namespace shardrun::cli {
namespace {

/// Applies `parse` to an option that was given. The sentence begins with the option's name.
template <class Parse, class Target>
Result<void> take(const std::optional<std::string>& text, const char* option, Parse parse,
                  Target& target) {
    if (!text) return {};
    auto parsed = parse(*text);
    if (!parsed) return refuse(parsed.error().code, "{}: {}", option, parsed.error().message);
    target = *std::move(parsed);
    return {};
}

/// parse_count with its bounds filled in.
template <class T>
auto counted(std::uint64_t min, std::uint64_t max) {
    return [min, max](std::string_view text) -> Result<T> {
        SR_TRY(const std::uint64_t number, parse_count(text, min, max));
        return static_cast<T>(number);
    };
}

/// A size of at least `min`, or "max" for none.
auto size_at_least(std::uint64_t min) {
    return [min](std::string_view text) -> Result<std::uint64_t> {
        SR_TRY(const std::uint64_t size, parse_size(text));
        if (size < min) return refuse(ERANGE, "{} bytes are less than {}", size, min);
        return size;
    };
}

template <class T, std::size_t N>
Result<T> one_of(std::string_view text,
                 const std::array<std::pair<std::string_view, T>, N>& words) {
    std::array<std::string_view, N> names;
    std::ranges::transform(words, names.begin(), [](const auto& word) { return word.first; });
    for (const auto& [name, value] : words)
        if (name == text) return value;
    return refuse(EINVAL, "'{}' is none of {}{}", text, fmt::join(names, ", "),
                  did_you_mean(text, names));
}

Result<TtyMode> parse_tty(std::string_view text) {
    return one_of<TtyMode, 3>(
        text,
        {{{"auto", TtyMode::automatic}, {"always", TtyMode::always}, {"never", TtyMode::never}}});
}

Result<NetworkMode> parse_network(std::string_view text) {
    return one_of<NetworkMode, 4>(text, {{{"none", NetworkMode::none},
                                          {"isolated", NetworkMode::isolated},
                                          {"nat", NetworkMode::nat},
                                          {"host", NetworkMode::host}}});
}

Result<void> take_limits(const RunOptions& options, const PlanHost& host, ShardLimits& limits) {
    constexpr std::uint64_t kMib = 1U << 20U;
    SR_DO(take(options.cpus, "--cpus", parse_cpus, limits.cpu_max_millicores));
    SR_DO(take(options.cpu_weight, "--cpu-weight", counted<std::uint32_t>(1, 10000),
               limits.cpu_weight));
    SR_DO(take(options.cpuset, "--cpuset", parse_cpuset, limits.cpuset_cpus));
    SR_DO(take(options.memory, "--memory", size_at_least(kMib), limits.memory_max_bytes));
    SR_DO(
        take(options.memory_high, "--memory-high", size_at_least(kMib), limits.memory_high_bytes));
    SR_DO(take(options.swap, "--swap", parse_size, limits.memory_swap_max_bytes));
    SR_DO(take(options.pids, "--pids", counted<std::uint64_t>(2, 4194304), limits.pids_max));
    SR_DO(
        take(options.io_weight, "--io-weight", counted<std::uint32_t>(1, 10000), limits.io_weight));
    SR_DO(take(options.tmpfs, "--tmpfs", size_at_least(kMib), limits.tmpfs_size_max_bytes));
    SR_DO(take(options.files, "--files", counted<std::uint64_t>(16, 1048576), limits.files_max));
    for (const std::string& text : options.io_max) {
        SR_TRY(IoLimit limit, while_doing(parse_io_limit(text, host.resolve_device), "--io-max"));
        limits.io_max.push_back(limit);
    }
    return {};
}

Result<void> take_capabilities(const std::vector<std::string>& names, ShardOptions& shard) {
    for (std::string name : names) {
        std::ranges::transform(name, name.begin(), [](char c) {
            return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        });
        if (!name.starts_with("CAP_")) name.insert(0, "CAP_");
        SR_DO(while_doing(check_capability(name), "--cap"));
        shard.capabilities.push_back(std::move(name));
    }
    return {};
}

/// A text with a '/' is a file, which only an embedded supervisor may be pointed at.
Result<void> take_seccomp(const RunOptions& options, RunPlan& plan) {
    if (!options.seccomp) return {};
    if (options.seccomp->find('/') == std::string::npos) {
        SR_DO(while_doing(check_profile_name(*options.seccomp), "--seccomp"));
        plan.run.options.seccomp_profile = options.seccomp;
        return {};
    }
    if (plan.embedding == Embedding::never || plan.socket)
        return refuse(EINVAL,
                      "--seccomp: '{}' is a file, which a running supervisor does not read from "
                      "clients: name a profile of its configuration, or use --embedded as root",
                      *options.seccomp);
    plan.embedding = Embedding::always;
    plan.seccomp_path = options.seccomp;
    return {};
}

Result<void> check_image_options(const RunOptions& options) {
    const auto needs_image = [&](const char* option) -> Result<void> {
        return refuse(EINVAL, "{}: without --image there is nothing to load: name one", option);
    };
    if (!options.image && options.prefetch) return needs_image("--prefetch");
    if (!options.image && options.record) return needs_image("--record");
    if (!options.image && options.store) return needs_image("--store");
    if (!options.image && !options.origins.empty()) return needs_image("--origin");
    for (const std::string& origin : options.origins)
        SR_DO(while_doing(check_origin(origin), "--origin"));
    if (options.prefetch && options.no_prefetch)
        return refuse(EINVAL, "--prefetch and --no-prefetch exclude each other: leave one out");
    if (options.prefetch_wait && !options.prefetch)
        return refuse(EINVAL, "--prefetch-wait: there is no list to wait for: add --prefetch LIST");
    return {};
}

Result<void> take_image(const RunOptions& options, RunPlan& plan) {
    SR_DO(check_image_options(options));
    if (options.store && (plan.embedding == Embedding::never || plan.socket))
        return refuse(EINVAL,
                      "--store: a running supervisor has its own, see store.path in its "
                      "configuration: leave it out, or use --embedded as root");
    if (!options.origins.empty() && (plan.embedding == Embedding::never || plan.socket))
        return refuse(EINVAL,
                      "--origin: a running supervisor has its own, see store.origins in its "
                      "configuration: leave it out, or use --embedded as root");
    if (options.store || !options.origins.empty()) plan.embedding = Embedding::always;
    plan.run.options.image = options.image;
    plan.store_path = options.store;
    plan.origins = options.origins;
    plan.prefetch_path = options.prefetch;
    plan.prefetch_wait = options.prefetch_wait;
    plan.record_path = options.record;
    return {};
}

Result<void> take_shard(const RunOptions& options, const PlanHost& host, RunPlan& plan) {
    ShardOptions& shard = plan.run.options;
    SR_DO(take_limits(options, host, shard.limits));
    SR_DO(take(options.network, "--network", parse_network, shard.network));
    SR_DO(take(options.hostname, "--hostname", parse_hostname, shard.hostname));
    SR_DO(take_capabilities(options.capabilities, shard));
    SR_DO(take_seccomp(options, plan));
    if (options.user_namespace) shard.user_namespace = true;
    return take_image(options, plan);
}

Result<void> take_environment(const std::vector<std::string>& entries, const PlanHost& host,
                              std::vector<std::string>& environment) {
    for (const std::string& entry : entries) {
        const std::size_t equals = entry.find('=');
        if (equals == 0 || entry.empty())
            return refuse(EINVAL, "--env: '{}' has no name: write NAME=VALUE or NAME", entry);
        if (equals != std::string::npos) {
            environment.push_back(entry);
            continue;
        }
        const auto value = host.variable(entry);
        if (!value)
            return refuse(ENOENT, "--env: '{}' is not set here: write {}=VALUE", entry, entry);
        environment.push_back(entry + "=" + *value);
    }
    return {};
}

Result<void> take_cwd(const RunOptions& options, ProgramOptions& program) {
    if (!options.cwd) return {};
    if (!options.cwd->starts_with('/'))
        return refuse(EINVAL, "--cwd: '{}' is not an absolute path in the shard", *options.cwd);
    program.cwd = options.cwd;
    return {};
}

Result<void> take_program(const RunOptions& options, const PlanHost& host, RunPlan& plan) {
    SR_DO(take_environment(options.env, host, plan.run.program.env));
    SR_DO(take_cwd(options, plan.run.program));
    SR_DO(take(options.tty, "--tty", parse_tty, plan.tty));
    SR_DO(take(options.timeout, "--timeout", parse_duration, plan.timeout));
    if (plan.timeout && plan.timeout->count() == 0)
        return refuse(ERANGE, "--timeout: 0 is less than 1ms");
    plan.run.program.argv = options.program;
    plan.socket = options.socket;
    plan.wants_report = options.report;
    plan.info_path = options.json_info;
    return {};
}

Result<void> take_supervisor(const RunOptions& options, RunPlan& plan) {
    if (options.embedded && options.no_embedded)
        return refuse(EINVAL, "--embedded and --no-embedded exclude each other: leave one out");
    if (options.embedded && options.socket)
        return refuse(EINVAL, "--embedded and --socket exclude each other: leave one out");
    if (options.embedded) plan.embedding = Embedding::always;
    if (options.no_embedded || options.socket) plan.embedding = Embedding::never;
    plan.best_effort = options.best_effort;
    plan.config_path = options.config;
    if (options.profile) plan.profile = *options.profile;
    return {};
}

/// What makes a new shard says nothing about one that exists.
Result<void> take_existing_shard(const RunOptions& options, RunPlan& plan) {
    if (!options.shard) return {};
    SR_DO(take(options.shard, "--shard", parse_shard_id, plan.run.shard));
    if (plan.embedding == Embedding::always)
        return refuse(EINVAL,
                      "--shard: an embedded supervisor has no shards yet: leave out "
                      "--embedded");
    if (!(plan.run.options == ShardOptions{}))
        return refuse(EINVAL,
                      "--shard: a shard that exists has its limits and options already: "
                      "leave out those of a new one");
    plan.embedding = Embedding::never;
    return {};
}

Result<RunPlan> plan_run(const RunOptions& options, const PlanHost& host) {
    RunPlan plan;
    SR_DO(take_supervisor(options, plan));
    SR_DO(take_program(options, host, plan));
    SR_DO(take_shard(options, host, plan));
    SR_DO(take_existing_shard(options, plan));
    return plan;
}

}  // namespace

Result<ShardId> parse_shard_id(std::string_view text) {
    const auto number = parse_count(text, 1, INT64_MAX);
    if (!number)
        return refuse(EINVAL, "'{}' is not the number of a shard: 'shardrun ls' shows them", text);
    return ShardId{*number};
}

Result<RunCommandLine> parse_run(const Arguments& arguments, const PlanHost& host) {
    RunOptions options;
    OptionParser parser(kRunDescription);
    bind_run_options(parser, options);
    SR_TRY(const bool is_ready, parser.parse(arguments));
    if (!is_ready) return RunCommandLine{parser.help(), {}};
    SR_TRY(RunPlan plan, plan_run(options, host));
    return RunCommandLine{std::nullopt, std::move(plan)};
}

Result<RunCommandLine> parse_exec(const Arguments& arguments, const PlanHost& host) {
    RunOptions options;
    std::vector<std::string> shard;
    OptionParser parser(kExecDescription);
    bind_exec_options(parser, options);
    parser.operands("SHARD", shard, 1, 1);
    SR_TRY(const bool is_ready, parser.parse(arguments));
    if (!is_ready) return RunCommandLine{parser.help(), {}};
    options.shard = shard.front();
    SR_TRY(RunPlan plan, plan_run(options, host));
    return RunCommandLine{std::nullopt, std::move(plan)};
}

}  // namespace shardrun::cli
