#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>

#include "cli/embedded_supervisor.h"
#include "cli/run_session.h"
#include "cli/supervisor_socket.h"

using namespace shardrun;
using namespace shardrun::cli;

TEST_CASE("two embedded supervisors and the service never use the same uid") {
    const supervisor::Config service;
    const auto one = embedded_config(service, 100, false);
    const auto other = embedded_config(service, 101, false);
    REQUIRE(one);
    REQUIRE(other);
    CHECK(one->shard.uid_count == 1);
    CHECK(one->shard.uid_first != other->shard.uid_first);
    CHECK(one->shard.uid_first >= service.shard.uid_first + service.shard.uid_count);
    const auto last = embedded_config(service, 4194303, false);
    CHECK(last->shard.uid_first > other->shard.uid_first);
}

TEST_CASE("an embedded supervisor needs room behind the range of uids") {
    supervisor::Config config;
    config.shard.uid_first = 4290750000;
    const auto refused = embedded_config(config, 1, false);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("begin the range at 4290707453 or below") !=
          std::string::npos);
    config.shard.uid_first = 4290707453;
    CHECK(embedded_config(config, 4194303, false));
}

TEST_CASE("an embedded supervisor keeps nothing ready and lets nothing linger") {
    supervisor::Config config;
    config.shard.linger = std::chrono::seconds(5);
    const auto embedded = embedded_config(config, 1, true);
    CHECK(embedded->warm_pool.shards_max == 0);
    CHECK(embedded->shard.linger.count() == 0);
    CHECK(embedded->cgroup.controllers == supervisor::ControllerPolicy::best_effort);
    CHECK(embedded_config(config, 1, false)->cgroup.controllers ==
          supervisor::ControllerPolicy::require);
}

TEST_CASE("root may have from its own supervisor what it could take anyway") {
    supervisor::Config config;
    config.seccomp_profiles["lean"] = "/lean.json";
    const auto rule = embedded_config(config, 1, false)->clients.at(0);
    CHECK(rule.host_network);
    CHECK(std::ranges::find(rule.capabilities, "CAP_SYS_ADMIN") != rule.capabilities.end());
    CHECK(std::ranges::find(rule.capabilities, "") == rule.capabilities.end());
    CHECK(std::ranges::find(rule.seccomp_profiles, "lean") != rule.seccomp_profiles.end());
    CHECK(std::ranges::find(rule.seccomp_profiles, "default") != rule.seccomp_profiles.end());
}

TEST_CASE("a socket that is not there says how to get a supervisor") {
    const Error error =
        explain_connect(Error{ENOENT, "connect: No such file or directory"}, "/run/s");
    CHECK(
        error.message ==
        "no supervisor listens at '/run/s': start one with 'systemctl start shardrun' or 'shardrun "
        "serve', or use 'shardrun run --embedded' as root");
    CHECK(is_nobody_listening(error));
    const Error forbidden = explain_connect(Error{EACCES, "connect"}, "/run/s");
    CHECK(forbidden.message.find("does not let this user connect") != std::string::npos);
    CHECK_FALSE(is_nobody_listening(forbidden));
    CHECK(explain_connect(Error{EMFILE, "connect: Too many"}, "/run/s").message ==
          "connect: Too many");
}

TEST_CASE("a run's exit status says first what we did, then what the program did, then why not") {
    RunOutcome outcome;
    CHECK(outcome.exit_status() == 125);
    outcome.error = Error{ENOENT, "execute 'x'"};
    CHECK(outcome.exit_status() == 125);
    outcome.is_exec_failure = true;
    CHECK(outcome.exit_status() == 127);
    outcome.exit = ProgramExit{.status = 3};
    CHECK(outcome.exit_status() == 3);
    outcome.gave_up_by = 15;
    CHECK(outcome.exit_status() == 143);
    outcome.is_timed_out = true;
    CHECK(outcome.exit_status() == 124);
}
