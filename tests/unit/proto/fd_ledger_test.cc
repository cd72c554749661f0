#include <doctest/doctest.h>

#include "proto/fd_ledger.h"

namespace shardrun::proto {
namespace {

using Ledger = FdLedger<int>;

ReceivedFrame frame_at(std::uint64_t begin, std::uint64_t end, std::uint8_t fd_count) {
    ReceivedFrame received;
    received.frame.fd_count = fd_count;
    received.begin_offset_bytes = begin;
    received.end_offset_bytes = end;
    return received;
}

TEST_CASE("a frame gets the descriptors that came with its first byte") {
    Ledger ledger;
    REQUIRE(ledger.arrived(100, 180, {5, 6}));
    const auto fds = ledger.claim(frame_at(100, 180, 2));
    REQUIRE(fds);
    CHECK(*fds == std::vector<int>{5, 6});
    CHECK(ledger.settle(180));
    CHECK(ledger.size() == 0);
}

TEST_CASE("earlier frames of the same read leave the descriptors to the one that announces them") {
    Ledger ledger;
    REQUIRE(ledger.arrived(0, 100, {5}));
    CHECK(ledger.claim(frame_at(0, 40, 0))->empty());
    CHECK(ledger.claim(frame_at(40, 70, 0))->empty());
    CHECK(*ledger.claim(frame_at(70, 100, 1)) == std::vector<int>{5});
}

TEST_CASE("descriptors wait for the rest of the frame they came with") {
    Ledger ledger;
    REQUIRE(ledger.arrived(0, 20, {5}));
    CHECK(ledger.settle(0));
    CHECK(ledger.size() == 1);
    CHECK(*ledger.claim(frame_at(0, 900, 1)) == std::vector<int>{5});
}

TEST_CASE("descriptors in the middle of a frame are refused at once") {
    Ledger ledger;
    REQUIRE(ledger.arrived(20, 40, {5}));
    CHECK(!ledger.settle(0));
}

TEST_CASE("descriptors that no frame announced are refused") {
    Ledger ledger;
    REQUIRE(ledger.arrived(0, 40, {5}));
    CHECK(ledger.claim(frame_at(0, 40, 0)));
    CHECK(!ledger.settle(40));
}

TEST_CASE("announced descriptors that did not come are refused") {
    Ledger none;
    CHECK(!none.claim(frame_at(0, 40, 1)));
    Ledger later;
    REQUIRE(later.arrived(40, 80, {5}));
    CHECK(!later.claim(frame_at(0, 40, 1)));
}

TEST_CASE("fewer or more descriptors than announced are refused") {
    Ledger fewer;
    REQUIRE(fewer.arrived(0, 40, {5}));
    CHECK(!fewer.claim(frame_at(0, 40, 2)));
    Ledger more;
    REQUIRE(more.arrived(0, 40, {5, 6}));
    CHECK(!more.claim(frame_at(0, 40, 1)));
}

TEST_CASE("eight descriptors may come at once, and not nine") {
    Ledger ledger;
    CHECK(ledger.arrived(0, 40, std::vector<int>(8, 5)));
    CHECK(!ledger.arrived(40, 80, std::vector<int>(9, 5)));
}

}  // namespace
}  // namespace shardrun::proto
