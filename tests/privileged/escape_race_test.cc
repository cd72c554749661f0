#include <signal.h>

#include <chrono>
#include <cstdlib>

#include "privileged/inside.h"
#include "privileged/needs.h"

namespace shardrun::test {

const Needs kNeeds{};

namespace {

// An emulated processor takes its time.
const unsigned kPrograms = std::getenv("SHARDRUN_IN_VM") != nullptr ? 20 : 200;
constexpr std::chrono::seconds kPatience{60};

}  // namespace

// CVE-2016-9962: a process that joined a container could be traced from within before it was
// closed.
TEST_CASE("a program on its way into a shard cannot be looked into by those that are there") {
    for (const char* settings : {"", "user_namespace = true\n"}) {
        const Testbed bed(Controllers::best_effort, settings);
        Client client = bed.connect();
        Program watcher(client, in_new_shard({bed.program("attack"), "watch-newcomers"}));
        REQUIRE(watcher.read_line() == "watching");
        for (unsigned i = 0; i < kPrograms; ++i)
            CHECK(output_of(client, in_shard(watcher.shard(), {"echo", "through"})) == "through\n");
        must(client.signal(watcher.shard(), watcher.id(), SIGKILL, kPatience));
        for (const std::string& line : lines_of(watcher.read_all()))
            CHECK_MESSAGE(!line.starts_with("SUCCEEDED"), line);
    }
}

TEST_CASE(
    "a program that is stopped and continued without end keeps nobody else from the manager") {
    const Testbed bed(Controllers::best_effort);
    Client hostile = bed.connect();
    Program restless(hostile, in_new_shard({bed.program("attack"), "stop-and-continue"}));
    REQUIRE(restless.read_line() == "restless");
    Client other = bed.connect();
    for (int i = 0; i < 20; ++i) {
        const auto asked = std::chrono::steady_clock::now();
        CHECK(output_of(other, in_new_shard({"echo", "through"})) == "through\n");
        CHECK(std::chrono::steady_clock::now() - asked < std::chrono::seconds(5));
    }
}

TEST_CASE("processes that fork, end and are orphaned in a storm keep nobody from the manager") {
    const Testbed bed(Controllers::best_effort);
    Client hostile = bed.connect();
    const char* storm = "echo storm; while :; do (true &) ; done";
    Program restless(hostile, in_new_shard({"sh", "-c", storm}));
    REQUIRE(restless.read_line() == "storm");
    Client other = bed.connect();
    for (int i = 0; i < 20; ++i)
        CHECK(output_of(other, in_new_shard({"echo", "through"})) == "through\n");
    CHECK(output_of(hostile, in_shard(restless.shard(), {"echo", "here too"})) == "here too\n");
}

}  // namespace shardrun::test
