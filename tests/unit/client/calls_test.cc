// The C++ interface against a real Server, through the shared library and the public headers alone.
// Run by with_server, which gives the socket's path as the argument.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "shardrun/client.h"

namespace {

using namespace std::chrono_literals;
using shardrun::AssignmentKind;
using shardrun::Client;
using shardrun::FdRole;
using shardrun::ProgramId;
using shardrun::ShardId;
using shardrun::UniqueFd;
using What = shardrun::ResourceRequest;

std::string& socket_path() {
    static std::string path;
    return path;
}

Client connect() {
    return *Client::connect(socket_path());
}

What::Run run_of(const std::string& argv0) {
    What::Run run;
    run.program.argv = {argv0};
    return run;
}

TEST_CASE("a path without a supervisor is named, and so is a socket that cannot be one") {
    const auto missing = Client::connect("/nonexistent/s.sock");
    CHECK(missing.error().code == ENOENT);
    CHECK(missing.error().message.find("'/nonexistent/s.sock'") != std::string::npos);
    CHECK(Client::adopt(UniqueFd()).error().code == EBADF);
}

TEST_CASE("run_program gives how the program ended, whether by itself or by a signal") {
    Client client = connect();
    CHECK(client.run_program(run_of("true"))->status == 0);
    CHECK(client.run_program(run_of("exit"))->status == 7);
    CHECK(client.run_program(run_of("true"), {}, 10s));
}

TEST_CASE("a program's end is an event of its run, with the signal that was sent") {
    Client client = connect();
    What::Run run = run_of("sleep");
    run.program.wants_pidfd = true;
    const std::array<int, 3> stdio{STDERR_FILENO, STDERR_FILENO, STDERR_FILENO};
    auto started = client.run(run, stdio);
    REQUIRE(started);
    CHECK(started->take_fd(FdRole::pidfd));
    const ShardId shard = started->assignment()->shard;
    REQUIRE(client.signal(shard, started->assignment()->program, SIGKILL));
    const auto exited = client.next_event(started->frame.correlation);
    REQUIRE(exited);
    CHECK(exited->assignment()->kind == AssignmentKind::exited);
    CHECK(exited->assignment()->exit->signal_number == SIGKILL);
}

TEST_CASE("a shard is given, listed, resized, measured and released") {
    Client client = connect();
    REQUIRE(client.open_session("calls"));
    const auto given = client.new_shard({});
    REQUIRE(given);
    const ShardId shard = given->assignment()->shard;
    const auto rows = client.list();
    REQUIRE(rows);
    REQUIRE(rows->size() == 1);
    CHECK(rows->front().shard == shard);
    CHECK(rows->front().profile == "calls");
    shardrun::ShardLimits limits;
    limits.pids_max = 5;
    CHECK(client.resize(shard, limits)->options->limits.pids_max == 5);
    shardrun::ShardStatus report;
    report.shard = shard;
    CHECK(client.status(report)->pids_current == 1);
    REQUIRE(client.release(shard));
    CHECK(client.list()->empty());
    CHECK(client.release(shard).error().code == ENOENT);
}

TEST_CASE("a program whose shard is released under it ends run_program's wait") {
    Client client = connect();
    Client other = connect();
    const std::uint64_t run = *client.send(What{run_of("sleep")});
    const auto started = client.await_reply(run);
    REQUIRE(started);
    REQUIRE(other.release(started->assignment()->shard));
    const auto ended = client.next_event(run);
    REQUIRE(ended);
    CHECK(ended->assignment()->exit->signal_number == SIGKILL);
}

TEST_CASE("what the supervisor refuses is an Error with its sentence, and the next call works") {
    Client client = connect();
    const auto refused = client.run(run_of(""));
    REQUIRE_FALSE(refused);
    CHECK_FALSE(refused.error().message.empty());
    CHECK(client.signal(ShardId{4711}, ProgramId{}, SIGTERM).error().code == ENOENT);
    CHECK(client.run_program(run_of("true"))->status == 0);
}

TEST_CASE("a wait ends at its limit and leaves a usable connection") {
    Client client = connect();
    CHECK(client.run(run_of("never"), {}, 20ms).error().code == ETIMEDOUT);
    CHECK(client.run_program(run_of("true"), {}, 10s)->status == 0);
}

TEST_CASE("a subscriber is told of another client's shards") {
    Client watcher = connect();
    const auto subscribed = watcher.subscribe();
    REQUIRE(subscribed);
    Client client = connect();
    REQUIRE(client.new_shard());
    AssignmentKind kind{};
    while (kind != AssignmentKind::assigned) {
        const auto event = watcher.next_event(*subscribed, 10s);
        REQUIRE(event);
        kind = event->assignment()->kind;
    }
}

TEST_CASE("blobs, accesses and hints are answered, if only by what became of them") {
    Client client = connect();
    const auto blob = client.blob("blob");
    REQUIRE(blob);
    CHECK(std::get<shardrun::PrefetchResponse>(blob->frame.message).outcome ==
          shardrun::BlobOutcome::demand_loaded);
    CHECK(blob->fds.size() == 1);
    const auto shard = client.new_shard();
    REQUIRE(shard);
    CHECK(client.access({shard->assignment()->shard, shardrun::BlobKind::data, "blob"}));
    shardrun::PrefetchRequest hint;
    hint.shard = shard->assignment()->shard;
    hint.name = "blob";
    REQUIRE(client.hint(hint));
    CHECK(client.list()->size() == 1);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    socket_path() = argv[1];
    doctest::Context context;
    return context.run();
}
