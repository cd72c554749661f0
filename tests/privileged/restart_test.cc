#include <algorithm>
#include <memory>

#include "privileged/host_view.h"
#include "privileged/needs.h"
#include "privileged/testbed.h"

namespace shardrun::test {

const Needs kNeeds{};

TEST_CASE("after kill -9 of the supervisor a new one reclaims what the dead one left") {
    Testbed bed(Controllers::best_effort);
    {
        Client client = bed.connect();
        std::vector<std::unique_ptr<Program>> programs;
        for (int i = 0; i < 5; ++i) {
            programs.push_back(std::make_unique<Program>(
                client, in_new_shard({"sh", "-c", "sleep 600 & sleep 600"})));
        }
        CHECK(std::ranges::count(process_names(bed.mark()), "sleep") > 0);
        bed.kill();
    }
    bed.start();
    CHECK(std::ranges::count(process_names(bed.mark()), "sleep") == 0);
    Client client = bed.connect();
    CHECK(must(client.list()).empty());
    CHECK(output_of(client, in_new_shard({"echo", "again"})) == "again\n");
}

TEST_CASE(
    "a supervisor that was killed while idle leaves nothing that its successor cannot remove") {
    Testbed bed(Controllers::best_effort, "[warm_pool]\nshards_min = 4\n");
    for (int i = 0; i < 3; ++i) {
        bed.kill();
        bed.start();
    }
    Client client = bed.connect();
    CHECK(output_of(client, in_new_shard({"echo", "again"})) == "again\n");
}

TEST_CASE("SIGTERM ends the shards, and nothing of them is left") {
    Testbed bed(Controllers::best_effort, "[supervisor]\ndrain_deadline_ms = 200\n");
    const HostView before = HostView::now(bed.mark());
    Client client = bed.connect();
    Program program(client, in_new_shard({"sh", "-c", "echo ready; sleep 600"}));
    REQUIRE(program.read_line() == "ready");
    CHECK(bed.stop() == 0);
    CHECK(program.read_all().empty());
    CHECK(before.left_since() == std::vector<std::string>{});
}

TEST_CASE("when a client goes its shards go with it, and nothing of them is left") {
    Testbed bed(Controllers::best_effort, "[warm_pool]\nshards_max = 0\n");
    const HostView before = HostView::now(bed.mark());
    {
        Client client = bed.connect();
        Program program(client, in_new_shard({"sh", "-c", "echo ready; sleep 600"}));
        REQUIRE(program.read_line() == "ready");
        CHECK(!process_names(bed.mark()).empty());
    }
    CHECK(before.left_since() == std::vector<std::string>{});
}

}  // namespace shardrun::test
