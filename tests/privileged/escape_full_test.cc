#include "privileged/host_view.h"
#include "privileged/inside.h"
#include "privileged/needs.h"

namespace shardrun::test {

const Needs kNeeds{{"pids", "memory"}};

namespace {

constexpr const char* kNoPool = "[warm_pool]\nshards_max = 0\n";
constexpr std::chrono::seconds kPatience{60};

ShardLimits pids_max(std::uint64_t pids) {
    ShardLimits limits;
    limits.pids_max = pids;
    return limits;
}

}  // namespace

// A step that fails must fail the shard, and not leave one that lacks what the step would have
// done.
TEST_CASE("a shard without room for a process is told and leaves nothing") {
    const Testbed bed(Controllers::require, kNoPool);
    Client client = bed.connect();
    const HostView before = HostView::now(bed.mark());
    const Result<ProgramExit> result =
        client.run_program(in_new_shard({"true"}, pids_max(1)), {}, kPatience);
    REQUIRE(!result.has_value());
    CHECK_MESSAGE(result.error().message.find("pids") != std::string::npos, result.error().message);
    CHECK(before.left_since() == std::vector<std::string>{});
}

TEST_CASE("a program for a full shard is told, and the shard goes on") {
    const Testbed bed(Controllers::require, kNoPool);
    Client client = bed.connect();
    Program first(client, in_new_shard({bed.hog(), "fork"}, pids_max(5)));
    REQUIRE(first.read_line().ends_with("Resource temporarily unavailable"));
    const Result<ProgramExit> result =
        client.run_program(in_shard(first.shard(), {"true"}), {}, kPatience);
    REQUIRE(!result.has_value());
    CHECK_MESSAGE(result.error().message.find("pids.max") != std::string::npos,
                  result.error().message);
    CHECK(must(client.list()).size() == 1);
}

TEST_CASE("a shard with too little memory for its init is told and leaves nothing") {
    const Testbed bed(Controllers::require, kNoPool);
    Client client = bed.connect();
    const HostView before = HostView::now(bed.mark());
    ShardLimits limits;
    limits.memory_max_bytes = 64 * 1024;
    const Result<ProgramExit> result =
        client.run_program(in_new_shard({"true"}, limits), {}, kPatience);
    REQUIRE(!result.has_value());
    CHECK(!result.error().message.empty());
    CHECK(before.left_since() == std::vector<std::string>{});
}

}  // namespace shardrun::test
