#include <array>

#include "base/fail.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/config_load.h"
#include "cli/config_text.h"
#include "cli/embedded_supervisor.h"
#include "cli/output.h"
#include "cli/serve_here.h"
#include "supervisor/harden.h"
#include "sys/real_clock.h"

/// What `shardrun serve` does, in the program shardrun-serve.
namespace shardrun::cli {
namespace {

using supervisor::Config;

struct ServeOptions {
    std::optional<std::string> config;
    bool best_effort = false;
    bool only_check = false;
    bool only_print = false;
};

void apply_log_level(const Config& config) {
    constexpr std::array<std::pair<std::string_view, LogLevel>, 5> kLevels{
        {{"error", LogLevel::error},
         {"warning", LogLevel::warning},
         {"notice", LogLevel::notice},
         {"info", LogLevel::info},
         {"debug", LogLevel::debug}}};
    for (const auto& [name, level] : kLevels)
        if (name == config.supervisor.log_level) set_log_level(level);
}

/// The file's settings with what the command line overrides.
Result<LoadedConfig> load(const ServeOptions& options) {
    SR_TRY(LoadedConfig loaded, load_config(options.config));
    if (options.best_effort)
        loaded.config.cgroup.controllers = supervisor::ControllerPolicy::best_effort;
    return loaded;
}

Result<std::shared_ptr<const Config>> load_again(const ServeOptions& options) {
    SR_TRY(LoadedConfig loaded, load(options));
    apply_log_level(loaded.config);
    return std::make_shared<const Config>(std::move(loaded.config));
}

/// Without them there are no images; programs of the host run all the same.
Result<std::unique_ptr<shard::TreeSource>> make_trees_if(const Config& config, sys::EventLoop& loop,
                                                         const MakeTrees& make) {
    if (config.store.path.empty()) return nullptr;
    return while_doing(make(config, loop),
                       "make ready for images (store.path = \"\" does without)");
}

Result<void> serve(const ServeOptions& options, LoadedConfig loaded, const MakeTrees& make_trees) {
    apply_log_level(loaded.config);
    if (!loaded.is_from_file)
        log(LogLevel::notice, "there is no '{}': every setting has its default", loaded.path);
    const auto config = std::make_shared<const Config>(std::move(loaded.config));
    sys::RealClock clock;
    SR_TRY(const std::unique_ptr<sys::EventLoop> loop, sys::EventLoop::create(clock));
    sys::FdTable fds;
    // Started before we lose what that needs; each outlives what uses it.
    SR_TRY(const std::unique_ptr<shard::TreeSource> trees,
           make_trees_if(*config, *loop, make_trees));
    std::unique_ptr<shard::LinuxBackend> backend;
    supervisor::Server server(config, *loop, fds);
    SR_TRY(supervisor::ServiceManager service, supervisor::ServiceManager::load());
    shard::BackendOptions wanted = backend_options(*config);
    wanted.trees = trees.get();
    SR_TRY(backend, shard::LinuxBackend::create(wanted, *loop, fds, server.listener()));
    // After the zygote was started, which needs more than what stays.
    SR_DO(supervisor::harden_process(*config));
    server.start(*backend, backend->unenforced());
    SR_DO(server.handle_signals([&options] { return load_again(options); }));
    SR_DO(server.listen(std::move(service)));
    log(LogLevel::notice, "listening at '{}'", config->socket.path);
    return server.run();
}

int serve_or_check(const ServeOptions& options, const MakeTrees& make_trees) {
    auto loaded = load(options);
    if (!loaded) {
        complain(loaded.error().message);
        return kFailure;
    }
    if (options.only_print) return finish_with(render_config(loaded->config));
    if (options.only_check) return kSuccess;
    const auto served = serve(options, *std::move(loaded), make_trees);
    if (served) return kSuccess;
    complain(served.error().message);
    return kFailure;
}

}  // namespace

int serve_here(const Arguments& arguments, const MakeTrees& make_trees) {
    ServeOptions options;
    OptionParser parser(
        {"serve", "[OPTION]...",
         "Is the supervisor: builds shards for its clients until SIGTERM ends it in "
         "order.\nSIGHUP reads the settings again; a file with a mistake changes "
         "nothing.",
         "  shardrun serve\n"
         "  shardrun serve --check --config ./shardrun.toml\n"
         "  shardrun serve --print-config | grep memory\n"});
    parser.text("--config", "FILE", options.config,
                "settings; default /etc/shardrun/shardrun.toml, which may be absent");
    parser.flag("--best-effort", options.best_effort,
                "go on without controllers that the host lacks");
    parser.flag("--check", options.only_check, "only say what is wrong with the settings");
    parser.flag("--print-config", options.only_print, "only show the settings in force");
    if (const auto status = parse_or_status(parser, arguments)) return *status;
    return serve_or_check(options, make_trees);
}

}  // namespace shardrun::cli
