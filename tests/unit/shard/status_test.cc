#include "shard/status.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "support/temp_dir.h"

namespace shardrun::shard {
namespace {

constexpr const char* kNetDev =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n"
    "    lo:  999 1 0 0 0 0 0 0  999 1 0 0 0 0 0 0\n"
    "  eth0: 1000 2 0 0 0 0 0 0   50 3 0 0 0 0 0 0\n"
    "  eth1:    7 2 0 0 0 0 0 0    1 3 0 0 0 0 0 0\n";

void write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("find_number compares whole words") {
    const char* text = "usage_usec 12\nuser_usec 7\nnr_throttled 0\n";
    CHECK(find_number(text, "usage_usec") == 12);
    CHECK(find_number(text, "nr_throttled") == 0);
    CHECK(!find_number(text, "usage"));
    CHECK(!find_number(text, "usec"));
    CHECK(!find_number("", "usage_usec"));
}

TEST_CASE("find_number takes no number that is not one") {
    CHECK(!find_number("oom_kill max\n", "oom_kill"));
    CHECK(!find_number("oom_kill 12x\n", "oom_kill"));
    CHECK(!find_number("oom_kill -1\n", "oom_kill"));
    CHECK(!find_number("oom_kill 99999999999999999999999\n", "oom_kill"));
    CHECK(!find_number("oom_kill\n", "oom_kill"));
    CHECK(!find_number("oom_kill 1 2\n", "oom_kill"));
}

TEST_CASE("parse_pressure reads shares in hundredths of a percent") {
    const std::optional<Pressure> pressure = parse_pressure(
        "some avg10=1.23 avg60=0.00 avg300=0.00 total=5\nfull avg10=100.00 total=1\n");
    REQUIRE(pressure.has_value());
    CHECK(pressure->some_avg10 == 123);
    CHECK(pressure->full_avg10 == 10000);
}

TEST_CASE("parse_pressure of what is no pressure is nothing, and no share is beyond its bounds") {
    CHECK(!parse_pressure(""));
    CHECK(!parse_pressure("some\n"));
    CHECK(!parse_pressure("some 1 2 3\n"));
    CHECK(parse_pressure("some avg10=1e9\n")->some_avg10 == 10000);
    CHECK(parse_pressure("some avg10=-4\n")->some_avg10 == 0);
    CHECK(parse_pressure("some avg10=x\n")->some_avg10 == 0);
}

TEST_CASE("sum_io adds one column over all devices") {
    const char* text = "8:0 rbytes=10 wbytes=1 rios=2\n8:16 rbytes=5 wbytes=2\n7:0 \n";
    CHECK(sum_io(text, "rbytes") == 15);
    CHECK(sum_io(text, "wbytes") == 3);
    CHECK(sum_io(text, "bytes") == 0);
    CHECK(sum_io("", "rbytes") == 0);
}

TEST_CASE("sum_network counts every interface but the loopback") {
    const NetworkBytes bytes = sum_network(kNetDev);
    CHECK(bytes.received == 1007);
    CHECK(bytes.sent == 51);
    CHECK(sum_network("").received == 0);
    CHECK(sum_network("eth0: 1 2 3\n").sent == 0);
}

TEST_CASE("measure tells what is there and leaves out what a missing controller would know") {
    const test::TempDir folder;
    const std::string path = folder.path("shard");
    std::filesystem::create_directory(path);
    write(path + "/cpu.stat", "usage_usec 42\nuser_usec 40\n");
    write(path + "/memory.current", "4096\n");
    write(path + "/memory.events", "oom 1\noom_kill 3\n");
    Result<sys::CgroupDir> cgroup = sys::CgroupDir::open(path);
    REQUIRE(cgroup.has_value());
    const ShardStatus status = measure(*cgroup, 0, -1);
    CHECK(status.cpu_usage_us == 42);
    CHECK(!status.cpu_throttled_us.has_value());
    CHECK(status.memory_current_bytes == 4096);
    CHECK(!status.pids_current.has_value());
    CHECK(!status.io_read_bytes.has_value());
    CHECK(!status.tmpfs_used_bytes.has_value());
    CHECK(!status.network_sent_bytes.has_value());
    CHECK(status.oom_kills == 3);
    CHECK(count_oom_kills(*cgroup) == 3);
}

}  // namespace shardrun::shard
