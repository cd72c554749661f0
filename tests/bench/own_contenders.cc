#include <memory>

#include "base/fail.h"
#include "bench/contender.h"
#include "bench/process.h"

/// The ways through shardrun.
namespace shardrun::bench {
namespace {

constexpr unsigned kWarmShards = 16;
constexpr Timeout kPatience{20000};

ResourceRequest::Run payload_run() {
    ResourceRequest::Run run;
    run.program.argv = {kPayload};
    run.program.env = {"PATH=/usr/bin:/bin"};
    return run;
}

Result<void> run_to_success(Client& client, const ResourceRequest::Run& run) {
    const std::vector<int> stdio(3, null_device());
    SR_TRY(const ProgramExit exit, client.run_program(run, stdio, kPatience));
    if (exit.status == 0 && exit.signal_number == 0) return {};
    return refuse(EIO, "'{}' ended with status {} or signal {}", kPayload, exit.status,
                  exit.signal_number);
}

/// Over one connection that stays open.
Result<Launch> open_client(const std::string& socket) {
    SR_TRY(Client client, Client::connect(socket));
    auto shared = std::make_shared<Client>(std::move(client));
    return Launch([shared, run = payload_run()] { return run_to_success(*shared, run); });
}

/// Over a connection of its own for each launch.
Result<Launch> open_connecting(const std::string& socket) {
    return Launch([socket, run = payload_run()]() -> Result<void> {
        SR_TRY(Client client, Client::connect(socket));
        return run_to_success(client, run);
    });
}

/// Into one shard that is there already.
Result<Launch> open_exec(const std::string& socket) {
    SR_TRY(Client client, Client::connect(socket));
    SR_TRY(const ReceivedFrame made, client.new_shard({}, kPatience));
    if (made.assignment() == nullptr) return refuse(EPROTO, "a new shard was not assigned");
    ResourceRequest::Run run = payload_run();
    run.shard = made.assignment()->shard;
    auto shared = std::make_shared<Client>(std::move(client));
    return Launch([shared, run] { return run_to_success(*shared, run); });
}

Contender command(const std::string& name, const std::string& what,
                  const std::vector<std::string>& argv) {
    const Launch launch = [argv]() -> Result<void> {
        SR_TRY(const pid_t pid, spawn(argv));
        return await_success(pid, argv[0]);
    };
    return {name, what, [launch]() -> Result<Launch> { return launch; }};
}

Contender through(const std::string& name, const std::string& what, const std::string& socket,
                  Result<Launch> (*open)(const std::string&)) {
    return {name, what, [socket, open] { return open(socket); }};
}

Result<std::string> start(Stage& stage, const Options& options, const std::string& folder,
                          const SupervisorKind& kind) {
    SR_TRY(SupervisorProcess process, SupervisorProcess::start(options.shardrun, folder, kind));
    auto shared = std::make_shared<SupervisorProcess>(std::move(process));
    stage.supervisors.push_back(shared);
    return shared->socket();
}

/// The same supervisor as "supervisor-cold", but for what must not matter.
Result<void> add_flatness(Stage& stage, const Options& options, const std::string& folder) {
    SR_TRY(const std::string mounts,
           start(stage, options, folder, {.name = "mounts", .extra_mounts = options.mounts}));
    SR_TRY(const std::string memory,
           start(stage, options, folder,
                 {.name = "memory", .ballast_mib = options.supervisor_memory}));
    const auto add = [&](const std::string& name, const std::string& what,
                         const std::string& socket) {
        stage.contenders.push_back(through(name, what, socket, open_client));
        stage.contenders.back().is_for_rate = false;
    };
    add("supervisor-cold-mounts", fmt::format("cold, {} more host mounts", options.mounts), mounts);
    add("supervisor-cold-memory", fmt::format("cold, holds {} MiB", options.supervisor_memory),
        memory);
    return {};
}

}  // namespace

void add_bare(Stage& stage) {
    stage.contenders.push_back(command("bare", "vfork and exec, no isolation", {kPayload}));
}

Result<void> add_own(Stage& stage, const Options& options, const std::string& folder,
                     bool with_flatness) {
    SR_TRY(const std::string cold, start(stage, options, folder, {.name = "cold"}));
    SR_TRY(const std::string warm,
           start(stage, options, folder, {.name = "warm", .warm_shards = kWarmShards}));
    auto& all = stage.contenders;
    all.push_back(
        command("cli-embedded", "shardrun run, no supervisor",
                {options.shardrun, "run", "--embedded", "--best-effort", "--", kPayload}));
    all.push_back(
        command("cli-warm", "shardrun run, warm supervisor",
                {options.shardrun, "run", "--no-embedded", "--socket", warm, "--", kPayload}));
    all.push_back(through("supervisor-cold", "nothing prepared", cold, open_client));
    all.push_back(
        through("supervisor-cold-connect", "cold, one connection each", cold, open_connecting));
    all.push_back(through("supervisor-warm", "from the warm pool", warm, open_client));
    all.push_back(
        through("supervisor-warm-connect", "warm, one connection each", warm, open_connecting));
    all.push_back(through("supervisor-exec", "exec into a running shard", cold, open_exec));
    return with_flatness ? add_flatness(stage, options, folder) : Result<void>{};
}

}  // namespace shardrun::bench
