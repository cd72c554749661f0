#include <chrono>
#include <memory>
#include <set>
#include <thread>

#include "privileged/host_view.h"
#include "privileged/needs.h"
#include "privileged/testbed.h"

namespace shardrun::test {

const Needs kNeeds{};

namespace {

constexpr std::size_t kShards = 200;
constexpr std::size_t kLaunches = 100;
constexpr const char* kSettings =
    "[clients.default]\nshards_max = 300\n[warm_pool]\nshards_max = 0\n";

/// The supervisor hears of a closed connection a moment later.
bool falls_to(std::size_t descriptors, pid_t supervisor) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (descriptors_of(supervisor) > descriptors) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
}

}  // namespace

TEST_CASE("200 shards run at once, each with a uid of its own, and nothing of them is left") {
    Testbed bed(Controllers::best_effort, kSettings);
    const HostView before = HostView::now(bed.mark());
    const std::size_t descriptors = descriptors_of(bed.pid());
    {
        Client client = bed.connect();
        std::vector<std::unique_ptr<Program>> programs;
        for (std::size_t i = 0; i < kShards; ++i) {
            programs.push_back(
                std::make_unique<Program>(client, in_new_shard({"sh", "-c", "id -u; sleep 600"})));
        }
        std::set<std::string> uids;
        for (const auto& program : programs) uids.insert(program->read_line());
        CHECK(uids.size() == kShards);
        CHECK(must(client.list()).size() == kShards);
        must(client.release(std::nullopt));
        for (const auto& program : programs) CHECK(program->read_all().empty());
    }
    CHECK(before.left_since() == std::vector<std::string>{});
    CHECK(falls_to(descriptors, bed.pid()));
}

TEST_CASE("100 launches one after the other leave nothing") {
    Testbed bed(Controllers::best_effort, kSettings);
    Client client = bed.connect();
    CHECK(output_of(client, in_new_shard({"echo", "first"})) == "first\n");
    const HostView before = HostView::now(bed.mark());
    const std::size_t descriptors = descriptors_of(bed.pid());
    for (std::size_t i = 0; i < kLaunches; ++i) output_of(client, in_new_shard({"true"}));
    CHECK(before.left_since() == std::vector<std::string>{});
    CHECK(falls_to(descriptors, bed.pid()));
}

}  // namespace shardrun::test
