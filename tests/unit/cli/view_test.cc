#include <doctest/doctest.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "cli/exit_status.h"
#include "cli/message_json.h"
#include "cli/shard_view.h"
#include "cli/words.h"

using namespace shardrun;
using namespace shardrun::cli;
using std::chrono::microseconds;
using Json = nlohmann::ordered_json;

namespace {

ShardAssignment example() {
    ShardAssignment shard;
    shard.kind = AssignmentKind::listed;
    shard.shard = ShardId{7};
    shard.state = ShardState::active;
    shard.owner_uid = 1000;
    shard.profile = "web";
    shard.created_us_ago = 1'500'000;
    shard.options.emplace();
    shard.options->limits.cpu_max_millicores = 1500;
    shard.options->limits.memory_max_bytes = 512U << 20U;
    shard.options->network = NetworkMode::none;
    shard.unenforced = static_cast<std::uint32_t>(Controller::memory);
    shard.programs = {"3 4711 running python3 -c"};
    return shard;
}

}  // namespace

TEST_CASE("sizes, times and cores are short") {
    CHECK(size_text(0) == "0 B");
    CHECK(size_text(1023) == "1023 B");
    CHECK(size_text(512U << 20U) == "512 MiB");
    CHECK(size_text(1536ULL << 20U) == "1.5 GiB");
    CHECK(time_text(microseconds(820)) == "820 us");
    CHECK(time_text(microseconds(41'000)) == "41 ms");
    CHECK(time_text(microseconds(1'700'000)) == "1.7 s");
    CHECK(time_text(microseconds(125'000'000)) == "2 min 5 s");
    CHECK(time_text(microseconds(7'500'000'000)) == "2 h 5 min");
    CHECK(cores_text(1500) == "1.5");
    CHECK(cores_text(2000) == "2");
    CHECK(cores_text(10) == "0.01");
    CHECK(percent_text(1234) == "12.34 %");
}

TEST_CASE("the end of a program is told in words") {
    CHECK(exit_text({.status = 3}) == "exit status 3");
    CHECK(exit_text({.signal_number = 9, .out_of_memory = true}) ==
          "killed by SIGKILL, out of memory");
    CHECK(exit_text({.signal_number = 40}) == "killed by signal 40");
}

TEST_CASE("the exit status is passed through, and a signal is 128 more") {
    for (int status = 0; status < 256; ++status)
        CHECK(exit_status_of(ProgramExit{.status = static_cast<std::uint8_t>(status)}) == status);
    CHECK(exit_status_of(ProgramExit{.signal_number = 9}) == 137);
    CHECK(exit_status_of(ProgramExit{.signal_number = 64}) == 192);
}

TEST_CASE("a program that is not there is 127, one that cannot be executed 126, all else 125") {
    CHECK(exit_status_of(Error{ENOENT, ""}, true) == 127);
    CHECK(exit_status_of(Error{EACCES, ""}, true) == 126);
    CHECK(exit_status_of(Error{ENOEXEC, ""}, true) == 126);
    CHECK(exit_status_of(Error{ENOMEM, ""}, true) == 125);
    CHECK(exit_status_of(Error{ENOENT, ""}, false) == 125);
    CHECK(exit_status_of(Error{EACCES, ""}, false) == 125);
}

TEST_CASE("the list has one row per shard and names what is not enforced") {
    const std::vector<ShardAssignment> shards{example()};
    CHECK(render_list(shards, false) ==
          "7\tactive\t1000\tweb\t1.5 s\t1.5\t512 MiB\tmemory\tpython3 -c\n");
    CHECK(render_list(shards, true).starts_with("SHARD  STATE   UID   PROFILE  AGE"));
    CHECK(render_list({}, false).empty());
}

TEST_CASE("inspecting marks exactly the limits that the host does not enforce") {
    const std::string text = render_shard(example(), false);
    CHECK(text.find("memory\t512 MiB\tNOT ENFORCED\n") != std::string::npos);
    CHECK(text.find("cpu\t1.5 cores\t-\n") != std::string::npos);
    CHECK(text.find("memory high\tunlimited\t-\n") != std::string::npos);
    CHECK(text.find("program\t3 4711 running python3 -c\t-\n") != std::string::npos);
}

TEST_CASE("an event is one line, whatever its reason holds") {
    ShardAssignment event;
    event.kind = AssignmentKind::exited;
    event.shard = ShardId{7};
    event.program = ProgramId{3};
    event.exit = ProgramExit{.status = 1};
    event.reason = "a\nb\x1b[2J";
    CHECK(render_event(event, "12:00:00") ==
          "12:00:00 shard 7 exited program 3: exit status 1: a?b?[2J\n");
}

TEST_CASE("JSON leaves out what is absent and spells enumerations") {
    const Json json = to_json(example());
    CHECK(json["kind"] == "listed");
    CHECK(json["shard"] == 7);
    CHECK(json["state"] == "active");
    CHECK(json["options"]["limits"]["memory_max_bytes"] == 536870912);
    CHECK(json["options"]["network"] == "none");
    CHECK(json["unenforced"] == Json::array({"memory"}));
    CHECK(json["programs"][0] ==
          Json{{"id", 3}, {"pid", 4711}, {"state", "running"}, {"argv0", "python3 -c"}});
    CHECK_FALSE(json.contains("exit"));
    CHECK_FALSE(json["options"]["limits"].contains("pids_max"));
}

TEST_CASE("JSON of a status shows pressure in percent") {
    ShardStatus status;
    status.shard = ShardId{7};
    status.cpu_pressure = Pressure{1234, 0};
    const Json json = to_json(status);
    CHECK(json["cpu_pressure"]["some_avg10"] == 12.34);
    CHECK_FALSE(json.contains("memory_pressure"));
    CHECK(render_stats(std::vector<ShardStatus>{status}, false).find("12.34 %") !=
          std::string::npos);
}

TEST_CASE("a name that is not UTF-8 still gives valid JSON") {
    ShardAssignment shard = example();
    shard.reason = "\xff";
    CHECK(Json::parse(dump(to_json(shard), false))["reason"] == "\xef\xbf\xbd");
    shard.programs = {"garbage"};
    CHECK(Json::accept(dump(to_json(shard), true)));
}
