#include "cli/run_plan.h"

#include <doctest/doctest.h>

#include "base/fail.h"

using namespace shardrun;
using namespace shardrun::cli;

namespace {

PlanHost test_host() {
    return {[](std::string_view path) -> Result<std::pair<std::uint32_t, std::uint32_t>> {
                if (path == "/dev/vda") return std::pair(254U, 0U);
                return refuse(ENOENT, "'{}' is not there", path);
            },
            [](const std::string& name) -> std::optional<std::string> {
                if (name == "LANG") return "C";
                return std::nullopt;
            }};
}

RunPlan plan(const Arguments& arguments) {
    auto parsed = parse_run(arguments, test_host());
    REQUIRE_MESSAGE(parsed, (parsed ? "" : parsed.error().message));
    REQUIRE_FALSE(parsed->help);
    return parsed->plan;
}

std::string refusal(const Arguments& arguments) {
    const auto parsed = parse_run(arguments, test_host());
    return parsed ? "accepted" : parsed.error().message;
}

}  // namespace

TEST_CASE("a bare program leaves every choice to the configuration") {
    const RunPlan p = plan({"true"});
    CHECK(p.run.program.argv == std::vector<std::string>{"true"});
    CHECK(p.run.options == ShardOptions{});
    CHECK_FALSE(p.run.shard);
    CHECK(p.embedding == Embedding::automatic);
    CHECK(p.tty == TtyMode::automatic);
    CHECK(p.profile == "default");
}

TEST_CASE("every limit on the command line arrives in the request") {
    const RunPlan p = plan({"--cpus",        "1.5",  "--cpu-weight", "50",
                            "--cpuset",      "0-1",  "--memory",     "512M",
                            "--memory-high", "256M", "--swap",       "0",
                            "--pids",        "9",    "--io-max",     "/dev/vda:rbps=1M",
                            "--io-weight",   "7",    "--tmpfs",      "8M",
                            "--files",       "64",   "--",           "x"});
    const ShardLimits& limits = p.run.options.limits;
    CHECK(limits.cpu_max_millicores == 1500U);
    CHECK(limits.cpu_weight == 50U);
    CHECK(limits.cpuset_cpus == "0-1");
    CHECK(limits.memory_max_bytes == 512U << 20U);
    CHECK(limits.memory_high_bytes == 256U << 20U);
    CHECK(limits.memory_swap_max_bytes == 0U);
    CHECK(limits.pids_max == 9U);
    REQUIRE(limits.io_max.size() == 1);
    CHECK(limits.io_max[0].major == 254);
    CHECK(limits.io_weight == 7U);
    CHECK(limits.tmpfs_size_max_bytes == 8U << 20U);
    CHECK(limits.files_max == 64U);
}

TEST_CASE("every limit refuses its nearest wrong value, by the option's name") {
    CHECK(refusal({"--cpus", "0", "x"}) == "--cpus: '0' cores are less than 0.01");
    CHECK(refusal({"--cpu-weight", "0", "x"}) == "--cpu-weight: 0 is less than 1");
    CHECK(refusal({"--cpu-weight", "10001", "x"}) == "--cpu-weight: 10001 is more than 10000");
    CHECK(refusal({"--cpuset", "3-1", "x"}).starts_with("--cpuset: '3-1' is not a list of cores"));
    CHECK(refusal({"--memory", "512Q", "x"}).starts_with("--memory: '512Q' is not a size"));
    CHECK(refusal({"--memory", "1048575", "x"}) == "--memory: 1048575 bytes are less than 1048576");
    CHECK(refusal({"--memory-high", "1", "x"}).starts_with("--memory-high: 1 bytes are less"));
    CHECK(refusal({"--swap", "x", "x"}).starts_with("--swap: 'x' is not a size"));
    CHECK(refusal({"--pids", "1", "x"}) == "--pids: 1 is less than 2");
    CHECK(refusal({"--io-max", "/dev/vdb:rbps=1", "x"})
              .starts_with("--io-max: io limit '/dev/vdb:rbps=1': '/dev/vdb' is not there"));
    CHECK(refusal({"--io-weight", "0", "x"}) == "--io-weight: 0 is less than 1");
    CHECK(refusal({"--tmpfs", "4K", "x"}) == "--tmpfs: 4096 bytes are less than 1048576");
    CHECK(refusal({"--files", "15", "x"}) == "--files: 15 is less than 16");
    CHECK(refusal({"--timeout", "0", "x"}) == "--timeout: 0 is less than 1ms");
    CHECK(refusal({"--timeout", "5d", "x"}).starts_with("--timeout: '5d' is not a time"));
}

TEST_CASE("what a shard is beyond its limits arrives in the request") {
    const RunPlan p = plan({"--network", "isolated", "--seccomp", "lean", "--cap", "net_raw",
                            "--cap", "CAP_CHOWN", "--userns", "--hostname", "web", "x"});
    CHECK(p.run.options.network == NetworkMode::isolated);
    CHECK(p.run.options.seccomp_profile == "lean");
    CHECK(p.run.options.capabilities == std::vector<std::string>{"CAP_NET_RAW", "CAP_CHOWN"});
    CHECK(p.run.options.user_namespace == true);
    CHECK(p.run.options.hostname == "web");
    CHECK(refusal({"--network", "nne", "x"}) ==
          "--network: 'nne' is none of none, isolated, nat, host (did you mean 'none'?)");
    CHECK(refusal({"--cap", "CAP_NET", "x"}).starts_with("--cap: 'CAP_NET' is no capability"));
    CHECK(refusal({"--hostname", "a b", "x"}).starts_with("--hostname: 'a b' is not a host name"));
    CHECK(refusal({"--seccomp", "a b", "x"}).starts_with("--seccomp: 'a b' is not a profile name"));
}

TEST_CASE("a seccomp file means an embedded supervisor") {
    const RunPlan p = plan({"--seccomp", "./x.json", "x"});
    CHECK(p.seccomp_path == "./x.json");
    CHECK(p.embedding == Embedding::always);
    CHECK(refusal({"--seccomp", "./x.json", "--no-embedded", "x"}).find("is a file") !=
          std::string::npos);
    CHECK(refusal({"--seccomp", "./x.json", "--socket", "/s", "x"}).find("is a file") !=
          std::string::npos);
}

TEST_CASE("the environment is what is named and nothing else") {
    CHECK(plan({"--env", "A=b=c", "--env", "LANG", "x"}).run.program.env ==
          std::vector<std::string>{"A=b=c", "LANG=C"});
    CHECK(plan({"--env", "A=", "x"}).run.program.env == std::vector<std::string>{"A="});
    CHECK(refusal({"--env", "=b", "x"}).find("has no name") != std::string::npos);
    CHECK(refusal({"--env", "NOPE", "x"}) == "--env: 'NOPE' is not set here: write NOPE=VALUE");
}

TEST_CASE("the working directory is absolute") {
    CHECK(plan({"--cwd", "/tmp", "x"}).run.program.cwd == "/tmp");
    CHECK(refusal({"--cwd", "tmp", "x"}) == "--cwd: 'tmp' is not an absolute path in the shard");
}

TEST_CASE("an existing shard takes no options of a new one, and needs a supervisor") {
    const RunPlan p = plan({"--shard", "7", "x"});
    CHECK(p.run.shard == ShardId{7});
    CHECK(p.embedding == Embedding::never);
    CHECK(refusal({"--shard", "7", "--memory", "8M", "x"}).find("leave out those of a new one") !=
          std::string::npos);
    CHECK(refusal({"--shard", "7", "--embedded", "x"}).find("leave out --embedded") !=
          std::string::npos);
    CHECK(refusal({"--shard", "seven", "x"}) ==
          "--shard: 'seven' is not the number of a shard: 'shardrun ls' shows them");
    CHECK(refusal({"--shard", "0", "x"}).find("not the number") != std::string::npos);
}

TEST_CASE("options that exclude each other are refused") {
    CHECK(refusal({"--embedded", "--no-embedded", "x"}).find("exclude each other") !=
          std::string::npos);
    CHECK(refusal({"--embedded", "--socket", "/s", "x"}).find("exclude each other") !=
          std::string::npos);
    CHECK(refusal({"--tty", "sometimes", "x"}) ==
          "--tty: 'sometimes' is none of auto, always, never");
}

TEST_CASE("exec takes the shard first and then the program") {
    const auto parsed = parse_exec({"7", "--", "ls", "-l"}, test_host());
    REQUIRE(parsed);
    CHECK(parsed->plan.run.shard == ShardId{7});
    CHECK(parsed->plan.run.program.argv == std::vector<std::string>{"ls", "-l"});
    CHECK(parse_exec({"7"}, test_host()).error().message.find("the program to run is missing") ==
          0);
    CHECK(parse_exec({"--memory", "8M", "7", "ls"}, test_host())
              .error()
              .message.find("is no option") != std::string::npos);
}

TEST_CASE("an image may come with what to prefetch and where to write what was opened") {
    const RunPlan p = plan(
        {"--image", "app", "--prefetch", "a.list", "--prefetch-wait", "--record", "b.list", "x"});
    CHECK(p.run.options.image == "app");
    CHECK(p.prefetch_path == "a.list");
    CHECK(p.prefetch_wait);
    CHECK(p.record_path == "b.list");
    CHECK(p.embedding == Embedding::automatic);
    CHECK(plan({"--image", "app", "--store", "/s", "x"}).embedding == Embedding::always);
}

TEST_CASE("what an image's options exclude is refused") {
    CHECK(refusal({"--prefetch", "l", "x"}).starts_with("--prefetch: without --image"));
    CHECK(refusal({"--record", "l", "x"}).starts_with("--record: without --image"));
    CHECK(refusal({"--store", "/s", "x"}).starts_with("--store: without --image"));
    CHECK(refusal({"--image", "i", "--prefetch", "l", "--no-prefetch", "x"}).find("exclude") !=
          std::string::npos);
    CHECK(refusal({"--image", "i", "--prefetch-wait", "x"}).starts_with("--prefetch-wait: there"));
    CHECK(refusal({"--image", "i", "--store", "/s", "--socket", "/t", "x"})
              .starts_with("--store: a"));
}
