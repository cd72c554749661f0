#include "policy/admission.h"

#include <doctest/doctest.h>

#include <cerrno>

using namespace shardrun::policy;

TEST_CASE("the host takes connections up to its bound") {
    CHECK(admit_connection({.connections = 9}, {.connections_max = 10}));
    const auto refused = admit_connection({.connections = 10}, {.connections_max = 10});
    REQUIRE(!refused);
    CHECK(refused.error().code == EAGAIN);
    CHECK(
        refused.error().message ==
        "connections: 10 are open, 10 allowed by supervisor.connections_max; connect again later");
}

TEST_CASE("the host takes shards up to its bound") {
    CHECK(admit_shard({.shards = 9}, {.shards_max = 10}));
    const auto refused = admit_shard({.shards = 10}, {.shards_max = 10});
    REQUIRE(!refused);
    CHECK(refused.error().code == EAGAIN);
    CHECK(refused.error().message ==
          "shards: 10 are on this host, 10 allowed by supervisor.shards_max; ask again later");
}
