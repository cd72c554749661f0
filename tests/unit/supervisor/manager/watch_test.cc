#include <cerrno>

#include "driver.h"

using namespace shardrun;
using namespace shardrun::supervisor;

namespace {

FileUsed used(shard::SliceId slice, ShardId shard = {}) {
    FileUsed event{slice, shard, {}};
    event.report.outcome = BlobOutcome::hit;
    event.report.name = "/usr/bin/python3";
    event.report.digest = Digest{std::byte{9}};
    event.report.size_bytes = 77;
    event.report.elapsed = std::chrono::microseconds(0);
    return event;
}

std::uint64_t watch(Driver& driver, ClientId client) {
    return driver.request(client, ResourceRequest::Subscribe{false, true});
}

/// What the last step told this client, as events of its subscription.
std::vector<PrefetchResponse> told(const Driver& driver, ClientId client,
                                   std::uint64_t correlation) {
    std::vector<PrefetchResponse> found;
    for (const Frame& frame : driver.frames(client)) {
        CHECK(frame.type == MessageType::prefetch_response);
        CHECK(frame.flags == static_cast<std::uint8_t>(FrameFlag::event));
        CHECK(frame.correlation == correlation);
        found.push_back(std::get<PrefetchResponse>(frame.message));
    }
    return found;
}

}  // namespace

TEST_CASE("whoever watches what is prefetched learns of each file's first use") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    const auto asked = watch(driver, client);
    CHECK(driver.assignment(client, asked).kind == AssignmentKind::done);
    driver.on(used(driver.made.back().slice));
    const auto events = told(driver, client, asked);
    REQUIRE(events.size() == 1);
    CHECK(events[0].shard == shard);
    CHECK(events[0].outcome == BlobOutcome::hit);
    CHECK(events[0].name == "/usr/bin/python3");
    CHECK(events[0].digest == Digest{std::byte{9}});
    CHECK(events[0].size_bytes == 77);
    CHECK(events[0].elapsed_us == 0);
}

TEST_CASE("a file that could not be filled is told with the reason, a long path in part") {
    Driver driver;
    const ClientId client = driver.connect();
    driver.ready_shard(client);
    const auto asked = watch(driver, client);
    FileUsed event = used(driver.made.back().slice);
    event.report.outcome = BlobOutcome::failed;
    event.report.name = '/' + std::string(4000, 'x');
    event.report.error = Error{ENOENT, std::string(5000, 'y')};
    driver.on(event);
    const auto events = told(driver, client, asked);
    REQUIRE(events.size() == 1);
    CHECK(events[0].outcome == BlobOutcome::failed);
    CHECK(events[0].name.size() == 1024);
    CHECK(events[0].reason.value_or("").size() == 4096);
    CHECK_FALSE(events[0].size_bytes);
}

TEST_CASE("the shard is told when it is said, or when it can only be one") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId one = driver.ready_shard(client);
    const shard::SliceId slice = driver.made.back().slice;
    const auto asked = watch(driver, client);
    const auto shard_of = [&](const FileUsed& event) {
        driver.on(event);
        return told(driver, client, asked).at(0).shard;
    };
    CHECK(shard_of(used(slice)) == one);
    const ShardId two = driver.ready_shard(client);
    REQUIRE(driver.made.back().slice == slice);
    CHECK(shard_of(used(slice)) == ShardId{});
    CHECK(shard_of(used(slice, one)) == one);
    driver.request(client, ResourceRequest::Release{one});
    CHECK(shard_of(used(slice)) == two);
}

TEST_CASE("one watches the slices of one's own uid, an administrator and root all") {
    Config config = Driver::no_pool();
    config.clients[1005].is_administrator = true;
    Driver driver(config);
    driver.ready_shard(driver.connect(1000));
    const shard::SliceId slice = driver.made.back().slice;
    const ClientId same_uid = driver.connect(1000);
    const ClientId stranger = driver.connect(1001);
    const ClientId administrator = driver.connect(1005);
    const ClientId root = driver.connect(0);
    for (const ClientId client : {same_uid, stranger, administrator, root}) watch(driver, client);
    driver.on(used(slice));
    CHECK(driver.frames(same_uid).size() == 1);
    CHECK(driver.frames(stranger).empty());
    CHECK(driver.frames(administrator).size() == 1);
    CHECK(driver.frames(root).size() == 1);
    // The host's own tree, or that of a client whose last shard is gone.
    driver.on(used(shard::SliceId{}));
    CHECK(driver.frames(same_uid).empty());
    CHECK(driver.frames(stranger).empty());
    CHECK(driver.frames(administrator).size() == 1);
    CHECK(driver.frames(root).size() == 1);
}

TEST_CASE("a later subscription replaces the one before, each half by itself") {
    Driver driver;
    const ClientId client = driver.connect();
    driver.ready_shard(client);
    const shard::SliceId slice = driver.made.back().slice;
    driver.on(used(slice));
    CHECK(driver.actions.empty());
    watch(driver, client);
    const auto both = driver.request(client, ResourceRequest::Subscribe{true, true});
    driver.on(used(slice));
    CHECK(told(driver, client, both).size() == 1);
    driver.request(client, ResourceRequest::Subscribe{true, false});
    driver.on(used(slice));
    CHECK(driver.actions.empty());
    driver.request(client, ResourceRequest::Subscribe{false, true});
    driver.ready_shard(driver.connect());
    CHECK(driver.frames(client).empty());
}

TEST_CASE("a client that is gone watches nothing") {
    Driver driver;
    driver.ready_shard(driver.connect());
    const shard::SliceId slice = driver.made.back().slice;
    const ClientId client = driver.connect();
    watch(driver, client);
    driver.leave(client);
    driver.on(used(slice));
    CHECK(driver.actions.empty());
}
