#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <set>
#include <thread>

#include "privileged/host_view.h"
#include "privileged/inside.h"
#include "privileged/needs.h"

namespace shardrun::test {

const Needs kNeeds{};

namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr const char* kNoPool =
    "[warm_pool]\nshards_max = 0\n[clients.default]\nshards_max = 300\n";
// An emulated processor takes its time, and is another one to try other moments on.
const unsigned kRounds = std::getenv("SHARDRUN_IN_VM") != nullptr ? 6 : 30;
constexpr unsigned kLaunches = 6;

/// Printed, so that a failing run can be repeated with SHARDRUN_SEED.
std::mt19937& random_numbers() {
    static std::mt19937 numbers = [] {
        const char* given = std::getenv("SHARDRUN_SEED");
        const unsigned seed =
            given != nullptr ? static_cast<unsigned>(std::atol(given)) : std::random_device{}();
        MESSAGE("SHARDRUN_SEED=" << seed);
        return std::mt19937(seed);
    }();
    return numbers;
}

/// Some moment of a few launches, on purpose another one each time.
void wait_for_some_moment() {
    std::uniform_int_distribution<int> moments(0, 12000);
    std::this_thread::sleep_for(std::chrono::microseconds(moments(random_numbers())));
}

std::vector<std::uint64_t> ask_for_launches(Client& client, unsigned count) {
    std::vector<std::uint64_t> asked;
    for (unsigned i = 0; i < count; ++i)
        asked.push_back(
            must(client.send(Message{ResourceRequest{in_new_shard({"sh", "-c", "sleep 600"})}})));
    return asked;
}

/// Namespaces of one kind that some process is in.
std::size_t namespaces(const std::string& kind) {
    std::set<std::string> found;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", gone)) {
        const auto name = std::filesystem::read_symlink(entry.path() / "ns" / kind, gone);
        if (!gone) found.insert(name);
    }
    return found.size();
}

}  // namespace

TEST_CASE("the zygote killed at any moment of a launch: told, replaced, and nothing is left") {
    const Testbed bed(Controllers::best_effort, kNoPool);
    Client client = bed.connect();
    CHECK(output_of(client, in_new_shard({"echo", "first"})) == "first\n");
    const HostView before = HostView::now(bed.mark());
    const std::size_t descriptors = descriptors_of(bed.pid());
    unsigned refused = 0;
    for (unsigned round = 0; round < kRounds; ++round) {
        const std::vector<std::uint64_t> asked = ask_for_launches(client, kLaunches);
        wait_for_some_moment();
        if (const pid_t zygote = zygote_of(bed.pid()); zygote > 0) ::kill(zygote, SIGKILL);
        for (const std::uint64_t correlation : asked) {
            const Result<ReceivedFrame> reply = client.await_reply(correlation, kPatience);
            if (reply) continue;
            CHECK_MESSAGE(reply.error().code != ETIMEDOUT, "a launch was forgotten");
            CHECK_MESSAGE(!reply.error().message.empty(), reply.error().code);
            ++refused;
        }
        must(client.release(std::nullopt));
        // The very next one may still meet the dead one; it is told so, and then all is well.
        Result<ProgramExit> next = client.run_program(in_new_shard({"true"}), {}, kPatience);
        if (!next) next = client.run_program(in_new_shard({"true"}), {}, kPatience);
        REQUIRE_MESSAGE(next.has_value(), next.error().message);
        CHECK(next->status == 0);
    }
    MESSAGE(refused << " of " << kRounds * kLaunches << " launches were refused");
    CHECK(before.left_since() == std::vector<std::string>{});
    CHECK(descriptors_of(bed.pid()) <= descriptors);
}

TEST_CASE("the supervisor killed at any moment of a launch: its successor finds and removes all") {
    Testbed bed(Controllers::best_effort, kNoPool);
    const std::size_t mounts_before = namespaces("mnt");
    for (unsigned round = 0; round < kRounds; ++round) {
        {
            Client client = bed.connect();
            (void)ask_for_launches(client, kLaunches);
            wait_for_some_moment();
            bed.kill();
        }
        bed.start();
        CHECK(std::ranges::count(process_names(bed.mark()), "sleep") == 0);
        Client client = bed.connect();
        CHECK(must(client.list()).empty());
        CHECK(output_of(client, in_new_shard({"echo", "again"})) == "again\n");
        std::vector<std::string> instances;
        for (const auto& entry : std::filesystem::directory_iterator(bed.cgroup()))
            if (entry.is_directory()) instances.push_back(entry.path().filename());
        const std::string own = "instance-" + std::to_string(bed.pid());
        for (const std::string& name : instances)
            CHECK_MESSAGE(name == own, name, " is left in round ", round);
    }
    // Elsewhere others make namespaces too.
    if (std::getenv("SHARDRUN_IN_VM") != nullptr) CHECK(namespaces("mnt") <= mounts_before);
}

TEST_CASE("a shard whose init the host kills is told as over, and reclaimed") {
    const Testbed bed(Controllers::best_effort, kNoPool);
    Client client = bed.connect();
    const HostView before = HostView::now(bed.mark());
    Program program(client, in_new_shard({"sh", "-c", "sleep 600 & echo ready; sleep 600"}));
    REQUIRE(program.read_line() == "ready");
    const std::uint32_t init = listed(client, program.shard()).init_pid.value_or(0);
    REQUIRE(init > 1);
    REQUIRE(::kill(static_cast<pid_t>(init), SIGKILL) == 0);
    CHECK(program.read_all().empty());
    const End end = program.wait();
    const bool was_killed = end.exit.has_value() && end.exit->signal_number == SIGKILL;
    CHECK_MESSAGE((was_killed || !end.reason.empty()), end.reason);
    CHECK(before.left_since() == std::vector<std::string>{});
    CHECK(must(client.list()).empty());
    CHECK(output_of(client, in_new_shard({"echo", "next"})) == "next\n");
}

TEST_CASE("init killed at any moment of a shard's life leaves nothing") {
    const Testbed bed(Controllers::best_effort, kNoPool);
    Client client = bed.connect();
    CHECK(output_of(client, in_new_shard({"echo", "first"})) == "first\n");
    const HostView before = HostView::now(bed.mark());
    const std::size_t descriptors = descriptors_of(bed.pid());
    for (unsigned round = 0; round < kRounds; ++round) {
        const std::vector<std::uint64_t> asked = ask_for_launches(client, kLaunches);
        wait_for_some_moment();
        for (const pid_t pid : children_of(zygote_of(bed.pid()))) ::kill(pid, SIGKILL);
        for (const std::uint64_t correlation : asked) {
            const Result<ReceivedFrame> reply = client.await_reply(correlation, kPatience);
            if (!reply) CHECK_MESSAGE(reply.error().code != ETIMEDOUT, "a launch was forgotten");
        }
        must(client.release(std::nullopt));
    }
    CHECK(output_of(client, in_new_shard({"echo", "next"})) == "next\n");
    CHECK(before.left_since() == std::vector<std::string>{});
    CHECK(descriptors_of(bed.pid()) <= descriptors);
}

}  // namespace shardrun::test
