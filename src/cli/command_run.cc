#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdlib>

#include "base/fail.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/config_load.h"
#include "cli/embedded_supervisor.h"
#include "cli/exit_status.h"
#include "cli/output.h"
#include "cli/prefetch_list.h"
#include "cli/run_here.h"
#include "cli/run_plan.h"
#include "cli/run_report.h"
#include "cli/run_session.h"
#include "cli/supervisor_socket.h"
#include "sys/file_io.h"
#include "sys/real_clock.h"

/// `shardrun run` and `shardrun exec`.
namespace shardrun::cli {
namespace {

// The name under which a file given by --seccomp stands in the embedded configuration.
constexpr const char* kFileProfile = "command-line";

Result<std::pair<std::uint32_t, std::uint32_t>> resolve_device(std::string_view path) {
    struct stat status {};
    const std::string name(path);
    if (::stat(name.c_str(), &status) != 0) return fail_errno("look up device '{}'", name);
    if (!S_ISBLK(status.st_mode))
        return refuse(ENOTBLK, "'{}' is not a block device: 'lsblk -p' lists them", name);
    return std::pair(gnu_dev_major(status.st_rdev), gnu_dev_minor(status.st_rdev));
}

std::optional<std::string> own_variable(const std::string& name) {
    const char* value = ::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): one thread.
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

/// Everything that lives as long as one run.
class Runner {
 public:
    Runner(RunPlan plan, const Arguments& arguments, const RunHost& host)
        : plan_(std::move(plan)), arguments_(arguments), host_(host) {}

    Result<int> run();

 private:
    Result<Client> connect();
    Result<Client> embed();
    Result<void> apply_seccomp_file(supervisor::Config& config);
    Result<void> report(const RunOutcome& outcome) const;

    RunPlan plan_;
    const Arguments& arguments_;
    const RunHost& host_;
    sys::RealClock clock_;
    std::unique_ptr<sys::EventLoop> loop_;
    std::unique_ptr<shard::TreeSource> trees_;
    std::unique_ptr<EmbeddedSupervisor> embedded_;
};

Result<Client> Runner::connect() {
    if (plan_.embedding == Embedding::always) return embed();
    auto client = connect_supervisor(plan_.socket);
    const bool may_embed = plan_.embedding == Embedding::automatic && ::geteuid() == 0;
    if (client || !may_embed || !is_nobody_listening(client.error())) return client;
    return embed();
}

Result<Client> Runner::embed() {
    const bool needs_trees = plan_.run.options.image.has_value();
    if (needs_trees && !host_.make_trees) return std::unexpected(host_.become_other(arguments_));
    // What goes wrong with the one shard is told by the command itself, and once.
    set_log_level(LogLevel::error);
    SR_TRY(LoadedConfig loaded, load_config(plan_.config_path));
    if (plan_.store_path) loaded.config.store.path = *plan_.store_path;
    if (!plan_.origins.empty()) loaded.config.store.origins = plan_.origins;
    SR_DO(apply_seccomp_file(loaded.config));
    if (needs_trees) {
        SR_DO(shard::LinuxBackend::check_rights());
        SR_TRY(trees_, host_.make_trees(loaded.config, *loop_));
    }
    SR_TRY(supervisor::Config config,
           embedded_config(std::move(loaded.config), static_cast<std::uint32_t>(::getpid()),
                           plan_.best_effort));
    SR_TRY(embedded_, EmbeddedSupervisor::start(std::move(config), *loop_, trees_.get()));
    return embedded_->connect();
}

Result<void> Runner::apply_seccomp_file(supervisor::Config& config) {
    if (!plan_.seccomp_path) return {};
    char* resolved = ::realpath(plan_.seccomp_path->c_str(), nullptr);
    if (resolved == nullptr) return fail_errno("read seccomp profile '{}'", *plan_.seccomp_path);
    config.seccomp_profiles[kFileProfile] = resolved;
    std::free(resolved);
    plan_.run.options.seccomp_profile = kFileProfile;
    return {};
}

Result<void> read_prefetch_list(RunPlan& plan) {
    if (!plan.prefetch_path) return {};
    const std::string& path = *plan.prefetch_path;
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return fail_errno("--prefetch: open '{}'", path);
    SR_TRY(const std::vector<std::byte> bytes,
           while_doing(sys::read_rest(file.get(), kPrefetchListSizeMax), "--prefetch: '{}'", path));
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    SR_TRY(plan.prefetch, while_doing(parse_prefetch_list(text), "--prefetch: '{}'", path));
    return {};
}

Result<int> Runner::run() {
    SR_DO(read_prefetch_list(plan_));
    SR_TRY(loop_, sys::EventLoop::create(clock_));
    RunOutcome outcome;
    {
        SR_TRY(Client client, connect());
        RunSession session(*loop_, std::move(client), plan_,
                           embedded_ ? RunSession::Company::alone : RunSession::Company::others);
        SR_DO(session.start());
        while (!session.is_over()) {
            SR_DO(loop_->run_once());
        }
        outcome = session.outcome();
    }  // The client goes first, so that the supervisor has nobody to say goodbye to.
    if (embedded_) {
        SR_DO(embedded_->finish());
    }
    SR_DO(report(outcome));
    if (outcome.error && !outcome.exit) complain(outcome.error->message);
    if (const auto refused = outcome.files.first_failure())
        complain(fmt::format("{} of the image's files could not be loaded; the first: {}",
                             outcome.files.summary().failed, *refused));
    if (outcome.prefetch_failed > 0)
        complain(fmt::format("--prefetch: {} of {} files failed; the first: {}",
                             outcome.prefetch_failed, outcome.prefetched,
                             outcome.prefetch_failure));
    // The status, 137, does not tell who killed it and why.
    if (outcome.exit && outcome.exit->out_of_memory)
        complain("the shard came to its memory limit and was killed; see --memory");
    return outcome.exit_status();
}

Result<void> Runner::report(const RunOutcome& outcome) const {
    if (plan_.wants_report && outcome.shard) {
        const std::string text = render_report(outcome);
        (void)!::write(STDERR_FILENO, text.data(), text.size());  // As good as it gets.
    }
    if (plan_.record_path)
        SR_DO(write_file(*plan_.record_path, render_prefetch_list(outcome.files.paths())));
    if (!plan_.info_path) return {};
    return write_file(*plan_.info_path, report_json(outcome));
}

int run_plan(const Result<RunCommandLine>& line, const Arguments& arguments, const RunHost& host) {
    if (line && line->help.has_value())
        return finish_with(line->help.value_or("")) == kSuccess ? 0 : kOwnFailureStatus;
    const Result<int> status = line ? Runner(line->plan, arguments, host).run()
                                    : Result<int>(std::unexpected(line.error()));
    if (status) return *status;
    complain(status.error().message);
    return kOwnFailureStatus;
}

}  // namespace

int run_here(const Arguments& arguments, const RunHost& host) {
    return run_plan(parse_run(arguments, {resolve_device, own_variable}), arguments, host);
}

int exec_command(const Arguments& arguments) {
    // A shard that exists needs nothing of ours.
    return run_plan(parse_exec(arguments, {resolve_device, own_variable}), arguments, {});
}

}  // namespace shardrun::cli
