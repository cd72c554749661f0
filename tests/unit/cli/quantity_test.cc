#include "cli/quantity.h"

#include <doctest/doctest.h>
#include <signal.h>

#include "base/fail.h"
#include "cli/did_you_mean.h"

using namespace shardrun;
using namespace shardrun::cli;
using std::chrono::milliseconds;

TEST_CASE("sizes are bytes or powers of 1024") {
    CHECK(*parse_size("0") == 0);
    CHECK(*parse_size("4096") == 4096);
    CHECK(*parse_size("9223372036854775807") == INT64_MAX);
    CHECK(*parse_size("512M") == 512ULL << 20U);
    CHECK(*parse_size("512MiB") == 512ULL << 20U);
    CHECK(*parse_size("1.5g") == 1536ULL << 20U);
    CHECK(*parse_size("2T") == 2ULL << 40U);
}

TEST_CASE("what is near a size but none is refused with the remedy") {
    for (const char* text :
         {"", "M", "-1", "5X", "1..5M", ".5M", "5.", "0x10", "5 M", "5MM", "1e9", "nan", "inf"}) {
        CAPTURE(text);
        const auto size = parse_size(text);
        REQUIRE_FALSE(size);
        CHECK(size.error().code == EINVAL);
        CHECK(size.error().message.find("as in 512M") != std::string::npos);
    }
    CHECK(parse_size("8388608T").error().code == ERANGE);
    CHECK(parse_size("99999999999999999999").error().code == ERANGE);
}

TEST_CASE("cores are counted in thousandths") {
    CHECK(*parse_cpus("1.5") == 1500);
    CHECK(*parse_cpus("2") == 2000);
    CHECK(*parse_cpus("0.01") == 10);
    CHECK(*parse_cpus("1024") == 1024000);
    CHECK(parse_cpus("0.009").error().code == ERANGE);
    CHECK(parse_cpus("1025").error().code == ERANGE);
    CHECK(parse_cpus("two").error().code == EINVAL);
    CHECK(parse_cpus("1m").error().code == EINVAL);
}

TEST_CASE("counts keep their bounds") {
    CHECK(*parse_count("2", 2, 5) == 2);
    CHECK(*parse_count("5", 2, 5) == 5);
    CHECK(parse_count("1", 2, 5).error().message == "1 is less than 2");
    CHECK(parse_count("6", 2, 5).error().message == "6 is more than 5");
    CHECK(parse_count("+3", 2, 5).error().code == EINVAL);
    CHECK(parse_count("18446744073709551616", 0, UINT64_MAX).error().code == EINVAL);
}

TEST_CASE("times have units, seconds without one") {
    CHECK(*parse_duration("30") == milliseconds(30000));
    CHECK(*parse_duration("1.5s") == milliseconds(1500));
    CHECK(*parse_duration("500ms") == milliseconds(500));
    CHECK(*parse_duration("2m") == milliseconds(120000));
    CHECK(*parse_duration("1h") == milliseconds(3600000));
    CHECK(parse_duration("5d").error().code == EINVAL);
    CHECK(parse_duration("9000h").error().code == ERANGE);
}

TEST_CASE("signals have names and numbers") {
    CHECK(*parse_signal("TERM") == SIGTERM);
    CHECK(*parse_signal("SIGTERM") == SIGTERM);
    CHECK(*parse_signal("sigkill") == SIGKILL);
    CHECK(*parse_signal("15") == SIGTERM);
    CHECK(*parse_signal("64") == 64);
    CHECK(parse_signal("0").error().code == ERANGE);
    CHECK(parse_signal("65").error().code == ERANGE);
    CHECK(parse_signal("TREM").error().code == EINVAL);
    CHECK(parse_signal("").error().code == EINVAL);
    CHECK(parse_signal("SIG").error().code == EINVAL);
}

TEST_CASE("lists of cores are ranges that go up") {
    CHECK(*parse_cpuset("0") == "0");
    CHECK(*parse_cpuset("0-3,7") == "0-3,7");
    for (const char* text : {"", ",", "0,", "3-1", "a", "0-", "-3", "0-1-2", "65536"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_cpuset(text));
    }
}

TEST_CASE("host names are plain words") {
    CHECK(*parse_hostname("web-7.local") == "web-7.local");
    for (const std::string& text : {std::string(), std::string("-a"), std::string(".a"),
                                    std::string("a b"), std::string(65, 'a')})
        CHECK_FALSE(parse_hostname(text));
    CHECK(parse_hostname(std::string(64, 'a')));
}

TEST_CASE("an io limit names a device and rates") {
    const auto limit = parse_io_limit("8:16:rbps=10M,wiops=100", refuse_device_path);
    REQUIRE(limit);
    CHECK(limit->major == 8);
    CHECK(limit->minor == 16);
    CHECK(limit->read_bytes_per_second == 10U << 20U);
    CHECK(limit->write_ops_per_second == 100U);
    CHECK_FALSE(limit->write_bytes_per_second);
    CHECK(*parse_io_limit("8:16 rbps=10M wiops=100", refuse_device_path) == *limit);
}

TEST_CASE("an io limit's path is given to who can resolve it") {
    const auto resolve =
        [](std::string_view path) -> Result<std::pair<std::uint32_t, std::uint32_t>> {
        if (path == "/dev/vda") return std::pair(254U, 0U);
        return refuse(ENOENT, "no '{}'", path);
    };
    CHECK(parse_io_limit("/dev/vda:rbps=1", resolve)->major == 254);
    CHECK(parse_io_limit("/dev/vdb:rbps=1", resolve).error().code == ENOENT);
    CHECK(parse_io_limit("/dev/vda:rbps=1", refuse_device_path).error().code == EINVAL);
}

TEST_CASE("what is near an io limit but none is refused") {
    for (const char* text :
         {"", "8:0", "8:0:", "rbps=1", "8:rbps=1", "x:0:rbps=1", "8:0:rbs=1", "8:0:rbps",
          "8:0:rbps=", "8:0:rbps=0", "4096:0:rbps=1", "8:0:rbps=1,,wbps=1"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_io_limit(text, refuse_device_path));
    }
}

TEST_CASE("the word that was meant is the nearest one, and none when none is near") {
    const std::array<std::string_view, 3> words{"memory", "cpus", "network"};
    CHECK(did_you_mean("memry", words) == " (did you mean 'memory'?)");
    CHECK(did_you_mean("zebra", words).empty());
    CHECK(did_you_mean("", words).empty());
    CHECK(edit_distance("kitten", "sitting") == 3);
    CHECK(edit_distance("", "abc") == 3);
}
