#include "cli/run_session.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/socket.h>

#include <array>
#include <functional>

#include "base/fail.h"
#include "supervisor/server.h"
#include "support/fake_backend.h"
#include "sys/fd_table.h"
#include "sys/real_clock.h"

using namespace shardrun;
using namespace shardrun::cli;

namespace {

/// A run against a whole supervisor whose shards exist only in a table, all on one loop.
struct Bench {
    sys::RealClock clock;
    std::unique_ptr<sys::EventLoop> loop = *sys::EventLoop::create(clock);
    sys::FdTable fds;
    std::unique_ptr<supervisor::Server> server = std::make_unique<supervisor::Server>(
        std::make_shared<const supervisor::Config>(), *loop, fds);
    test::FakeBackend backend{*loop, fds, server->listener()};
    std::optional<supervisor::ClientId> client;
    std::unique_ptr<RunSession> session;

    Bench() { server->start(backend, 0); }
    ~Bench() {
        session.reset();
        server.reset();  // Before the backend that it uses.
    }

    Client connect() {
        std::array<int, 2> pair{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()) ==
                0);
        client = *server->adopt_connection(UniqueFd(pair[0]), supervisor::PeerCredentials{0, 0, 1});
        return *Client::adopt(UniqueFd(pair[1]));
    }

    void start(const std::string& program, const std::function<void(RunPlan&)>& change = {}) {
        RunPlan plan;
        plan.run.program.argv = {program};
        plan.tty = TtyMode::never;
        if (change) change(plan);
        session = std::make_unique<RunSession>(*loop, connect(), plan);
        REQUIRE(session->start());
    }

    void run_until(const std::function<bool()>& condition) {
        for (int round = 0; round < 10000 && !condition(); ++round)
            REQUIRE(loop->run_once(std::chrono::milliseconds(10)));
        REQUIRE(condition());
    }

    const RunOutcome& finish() {
        run_until([&] { return session->is_over(); });
        return session->outcome();
    }

    void await_start() {
        run_until([&] { return session->outcome().shard.has_value(); });
    }
};

}  // namespace

TEST_CASE("a run ends with the program's status and knows its shard") {
    Bench bench;
    bench.start("exit");
    const RunOutcome& outcome = bench.finish();
    CHECK(outcome.exit_status() == 7);
    REQUIRE(outcome.shard);
    CHECK(outcome.shard->cgroup == "fake");
    CHECK_FALSE(outcome.error);
}

TEST_CASE("a signal is passed on to the program") {
    Bench bench;
    bench.start("serve");
    bench.await_start();
    REQUIRE(::raise(SIGUSR1) == 0);
    CHECK(bench.finish().exit_status() == 128 + SIGUSR1);
}

TEST_CASE("a signal that comes before the program is known to run waits for it") {
    Bench bench;
    bench.start("serve");
    REQUIRE(::raise(SIGTERM) == 0);
    const RunOutcome& outcome = bench.finish();
    CHECK(outcome.exit.has_value());
    CHECK(outcome.gave_up_by == 0);
    CHECK(outcome.exit_status() == 128 + SIGTERM);
}

TEST_CASE("a signal ends the wait for a program that does not come") {
    Bench bench;
    bench.start("never");
    REQUIRE(::raise(SIGINT) == 0);
    const RunOutcome& outcome = bench.finish();
    CHECK(outcome.gave_up_by == SIGINT);
    CHECK(outcome.exit_status() == 128 + SIGINT);
}

TEST_CASE("a program whose time is over is ended, and the status says so") {
    Bench bench;
    bench.start("serve", [](RunPlan& plan) { plan.timeout = std::chrono::milliseconds(5); });
    const RunOutcome& outcome = bench.finish();
    CHECK(outcome.exit->signal_number == SIGTERM);
    CHECK(outcome.exit_status() == 124);
}

TEST_CASE("what the supervisor refuses is the run's error, in its words") {
    Bench bench;
    bench.start("true", [](RunPlan& plan) { plan.run.options.seccomp_profile = "other"; });
    const RunOutcome& outcome = bench.finish();
    REQUIRE(outcome.error);
    CHECK(outcome.error->message.starts_with("seccomp_profile: 'other' is not configured"));
    CHECK(outcome.exit_status() == 125);
}

TEST_CASE("a run in a shard that is not there fails") {
    Bench bench;
    bench.start("true", [](RunPlan& plan) { plan.run.shard = ShardId{99}; });
    CHECK(bench.finish().error->code == ENOENT);
    CHECK(bench.session->outcome().exit_status() == 125);
}

TEST_CASE("a supervisor that goes away ends the run with an error") {
    Bench bench;
    bench.start("serve");
    bench.await_start();
    bench.server.reset();
    const RunOutcome& outcome = bench.finish();
    CHECK(outcome.error.has_value());
    CHECK(outcome.exit_status() == 125);
}

TEST_CASE("the profile is named before the run") {
    Bench bench;
    bench.start("exit", [](RunPlan& plan) { plan.profile = "web"; });
    CHECK(bench.finish().exit_status() == 7);
    bench.start("exit", [](RunPlan& plan) { plan.profile = "a b"; });
    CHECK(bench.finish().error->message.starts_with("profile: "));
}

TEST_CASE("a report asks what the shard uses soon after the start") {
    Bench bench;
    bench.start("serve", [](RunPlan& plan) { plan.wants_report = true; });
    bench.run_until([&] { return bench.session->outcome().status.has_value(); });
    CHECK(bench.session->outcome().status->pids_current == 1U);
    REQUIRE(::raise(SIGTERM) == 0);
    CHECK(bench.finish().exit_status() == 143);
}

TEST_CASE("a session gives our signals back") {
    {
        Bench bench;
        bench.start("exit");
        bench.finish();
    }
    sigset_t mask;
    REQUIRE(::pthread_sigmask(SIG_BLOCK, nullptr, &mask) == 0);
    CHECK(::sigismember(&mask, SIGTERM) == 0);
    CHECK(::sigismember(&mask, SIGTSTP) == 0);
}
