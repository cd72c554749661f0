#include <cerrno>

#include "driver.h"

using namespace shardrun;
using namespace shardrun::supervisor;

namespace {

/// The errno value that a shard with these options is refused with; 0 if it is made.
int code_of(const Config& config, const ShardOptions& options, std::uint32_t unenforced = 0) {
    Driver driver(config, unenforced);
    const ClientId client = driver.connect(1000);
    const auto asked = driver.new_shard(client, options);
    if (driver.has<PrepareShard>()) return 0;
    return static_cast<int>(driver.refusal(client, asked).code);
}

int code_of_program(const ProgramOptions& program, std::size_t fds = 0) {
    Driver driver;
    const ClientId client = driver.connect(1000);
    ResourceRequest::Run run;
    run.program = program;
    std::vector<shard::FdToken> tokens;
    for (std::size_t i = 0; i < fds; ++i) tokens.push_back(shard::FdToken{i + 1});
    const auto asked = driver.request(client, run, tokens);
    if (driver.has<RunProgram>()) {
        CHECK(driver.only<RunProgram>().program.stdio == tokens);
        CHECK_FALSE(driver.has<DiscardFd>());
        return 0;
    }
    CHECK(driver.all<DiscardFd>().size() == fds);
    CHECK_FALSE(driver.has<PrepareShard>());
    return static_cast<int>(driver.refusal(client, asked).code);
}

}  // namespace

TEST_CASE("what a shard is made of reaches the backend checked and whole") {
    Config config = Driver::no_pool();
    config.default_client.capabilities = {"CAP_NET_RAW"};
    config.default_client.host_network = true;
    config.seccomp_profiles["strict"] = "/etc/strict.json";
    config.default_client.seccomp_profiles = {"strict"};
    ShardOptions options;
    options.hostname = "box";
    options.capabilities = {"CAP_NET_RAW"};
    options.network = NetworkMode::host;
    options.seccomp_profile = "strict";
    options.user_namespace = true;
    options.limits.pids_max = 7;
    Driver driver(config);
    driver.new_shard(driver.connect(1000), options);
    const shard::ShardSpec spec = driver.only<PrepareShard>().spec;
    CHECK(spec.hostname == "box");
    CHECK(spec.capabilities == 1U << 13U);
    CHECK(spec.network == NetworkMode::host);
    CHECK(spec.seccomp_profile == "strict");
    CHECK(spec.user_namespace);
    CHECK(spec.limits.pids_max == 7);
    CHECK(spec.limits.memory_max_bytes == config.shard.limits.memory_max_bytes);
}

TEST_CASE("an image goes to the backend by name, and is told in the shard's configuration") {
    Driver driver;
    ShardOptions options;
    options.image = "team/app:1.2";
    const ClientId client = driver.connect(1000);
    const auto asked = driver.new_shard(client, options);
    CHECK(driver.asked_for().image == "team/app:1.2");
    driver.prepared(driver.asked_for().id);
    CHECK(driver.assignment(client, asked).options->image == "team/app:1.2");
    const auto plain = driver.new_shard(client);
    CHECK(driver.asked_for().image.empty());
    driver.prepared(driver.asked_for().id);
    CHECK_FALSE(driver.assignment(client, plain).options->image);
}

TEST_CASE("without a store an image is refused with the key that names one") {
    Config config = Driver::no_pool();
    config.store.path = "";
    Driver driver(config);
    const ClientId client = driver.connect(1000);
    ShardOptions options;
    options.image = "debian";
    const ErrorReply refusal = driver.refusal(client, driver.new_shard(client, options));
    CHECK(refusal.code == ENOENT);
    CHECK(refusal.sentence ==
          "image: 'debian' is not there, as store.path names no store; leave it out for the host's "
          "read-only paths");
    CHECK(code_of(config, {}) == 0);
}

TEST_CASE("every option has its refusal") {
    Config config = Driver::no_pool();
    config.seccomp_profiles["strict"] = "/etc/strict.json";
    config.default_client.limits_max.pids_max = 100;
    CHECK(code_of(config, {}) == 0);
    ShardOptions options;
    for (const char* image : {"/etc", "-rf", "a b", ""}) {
        options.image = image;
        CHECK(code_of(config, options) == EINVAL);
    }
    options = {};
    options.network = NetworkMode::host;
    CHECK(code_of(config, options) == EACCES);
    options = {};
    options.seccomp_profile = "strict";  // Configured, not granted.
    CHECK(code_of(config, options) == EACCES);
    options.seccomp_profile = "unheard-of";
    CHECK(code_of(config, options) == ENOENT);
    options = {};
    options.capabilities = {"CAP_SYS_ADMIN"};
    CHECK(code_of(config, options) == EACCES);
    options = {};
    options.limits.pids_max = 101;
    CHECK(code_of(config, options) == EDQUOT);
    options.limits.pids_max = 1;
    CHECK(code_of(config, options) == EINVAL);
}

TEST_CASE("a host name is one that the kernel and people take") {
    const Config config = Driver::no_pool();
    for (const std::string& good :
         {std::string("a"), std::string("web-7.local"), std::string(64, 'a')}) {
        ShardOptions options;
        options.hostname = good;
        CHECK_MESSAGE(code_of(config, options) == 0, good);
    }
    for (const std::string& bad :
         {std::string(), std::string(65, 'a'), std::string("-a"), std::string(".a"),
          std::string("a b"), std::string("a\n"), std::string("a\0b", 3)}) {
        ShardOptions options;
        options.hostname = bad;
        CHECK_MESSAGE(code_of(config, options) == EINVAL, bad);
    }
}

TEST_CASE("missing controllers refuse, unless the configuration asks for best effort") {
    Config config = Driver::no_pool();
    const auto memory = static_cast<std::uint32_t>(Controller::memory);
    CHECK(code_of(config, {}, memory) == EOPNOTSUPP);
    CHECK(code_of(config, {}, static_cast<std::uint32_t>(Controller::io)) == 0);
    config.cgroup.controllers = ControllerPolicy::best_effort;
    CHECK(code_of(config, {}, memory) == 0);
}

TEST_CASE("defaults above a uid's bound are lowered, wishes above it are refused") {
    Config config = Driver::no_pool();
    config.default_client.limits_max.memory_max_bytes = 1U << 20U;
    Driver driver(config);
    const ClientId client = driver.connect(1000);
    driver.new_shard(client);
    CHECK(driver.only<PrepareShard>().spec.limits.memory_max_bytes == 1U << 20U);
    ShardOptions options;
    options.limits.memory_max_bytes = 2U << 20U;
    CHECK(driver.refusal(client, driver.new_shard(client, options)).code == EDQUOT);
}

TEST_CASE("a program needs an argv, an environment of pairs and an absolute directory") {
    ProgramOptions good;
    good.argv = {"sh", "-c", ""};
    good.env = {"A=", "B=c=d"};
    good.cwd = "/tmp";
    CHECK(code_of_program(good) == 0);
    for (const auto& argv : {std::vector<std::string>{}, std::vector<std::string>{""},
                             std::vector<std::string>{"sh", std::string("a\0b", 3)}}) {
        ProgramOptions bad = good;
        bad.argv = argv;
        CHECK(code_of_program(bad, 3) == EINVAL);
    }
    for (const std::string& entry :
         {std::string("A"), std::string("=b"), std::string(), std::string("A=\0", 3)}) {
        ProgramOptions bad = good;
        bad.env = {entry};
        CHECK(code_of_program(bad, 3) == EINVAL);
    }
    for (const std::string& cwd : {std::string(), std::string("tmp"), std::string("/a\0b", 4)}) {
        ProgramOptions bad = good;
        bad.cwd = cwd;
        CHECK(code_of_program(bad, 3) == EINVAL);
    }
}

TEST_CASE("stdio is three descriptors or none, and none with a terminal") {
    ProgramOptions program;
    program.argv = {"true"};
    CHECK(code_of_program(program, 0) == 0);
    CHECK(code_of_program(program, 3) == 0);
    for (const std::size_t fds : {1U, 2U, 4U, 8U}) CHECK(code_of_program(program, fds) == EINVAL);
    program.terminal = WindowSize{24, 80};
    CHECK(code_of_program(program, 0) == 0);
    CHECK(code_of_program(program, 3) == EINVAL);
}

TEST_CASE("PATH and HOME are added when they are absent, and nothing else") {
    Driver driver;
    const ClientId client = driver.connect();
    ResourceRequest::Run run;
    run.program.argv = {"true"};
    run.program.env = {"HOME=/x", "PATHS=y"};
    driver.request(client, run);
    CHECK(driver.only<RunProgram>().program.env ==
          std::vector<std::string>{
              "HOME=/x", "PATHS=y",
              "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"});
}

TEST_CASE("a program gets the shard's bound on open files") {
    Driver driver;
    const ClientId client = driver.connect();
    ResourceRequest::Run run;
    run.program.argv = {"true"};
    run.options.limits.files_max = 99;
    driver.request(client, run);
    CHECK(driver.only<RunProgram>().program.files_max == 99);
}
