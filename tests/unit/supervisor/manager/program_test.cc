#include <cerrno>

#include "driver.h"

using namespace shardrun;
using namespace shardrun::supervisor;
using shard::FdToken;

TEST_CASE("a Run without a shard gets one of its own, and the program waits for it") {
    Driver driver;
    const ClientId client = driver.connect();
    const auto asked = driver.run(client, {}, {FdToken{1}, FdToken{2}, FdToken{3}});
    CHECK(driver.comes_before<PrepareShard, RunProgram>());
    const auto run = driver.only<RunProgram>();
    CHECK(run.program.stdio == std::vector{FdToken{1}, FdToken{2}, FdToken{3}});
    CHECK_FALSE(driver.only<PrepareShard>().spec.keeps_spare);
    driver.prepared(run.shard);
    CHECK_FALSE(driver.has<SendFrame>());
    driver.started(run.shard, run.program.id);
    const ShardAssignment started = driver.assignment(client, asked);
    CHECK(started.kind == AssignmentKind::started);
    CHECK(started.shard == run.shard);
    CHECK(started.program == run.program.id);
    CHECK(started.state == ShardState::active);
    CHECK(started.prepare_us == 900);
    CHECK(started.options.has_value());
}

TEST_CASE("the exit of a one-shot program is told before its shard is destroyed") {
    Driver driver;
    const ClientId client = driver.connect();
    const auto asked = driver.run(client);
    const auto run = driver.only<RunProgram>();
    driver.prepared(run.shard);
    driver.started(run.shard, run.program.id);
    driver.exited(run.shard, run.program.id, 7);
    const auto exits = driver.events(client, asked, AssignmentKind::exited);
    REQUIRE(exits.size() == 1);
    CHECK(exits[0].exit->status == 7);
    CHECK_FALSE(exits[0].reason.has_value());
    CHECK(driver.comes_before<SendFrame, DestroyShard>());
    CHECK(driver.frames(client).size() == 1);
    driver.on(ShardReclaimed{run.shard});
    CHECK(driver.frames(client).empty());  // Nobody asked for more.
    CHECK(driver.has<RemoveSlice>());
}

TEST_CASE("descriptors of a started program go to its client by their roles") {
    Driver driver;
    const ClientId client = driver.connect();
    ResourceRequest::Run run;
    run.program.argv = {"sh"};
    run.program.terminal = WindowSize{24, 80};
    run.program.wants_pidfd = true;
    const auto asked = driver.request(client, run);
    const auto action = driver.only<RunProgram>();
    CHECK(action.program.terminal == WindowSize{24, 80});
    driver.prepared(action.shard);
    driver.on(ProgramStarted{action.shard, action.program.id, FdToken{8}, FdToken{9}, 5});
    CHECK(driver.only<SendFrame>().fds == std::vector{FdToken{8}, FdToken{9}});
    CHECK(driver.assignment(client, asked).fds == std::vector{FdRole::pidfd, FdRole::terminal});
    CHECK(driver.reply(client, asked).fd_count == 2);
}

TEST_CASE("programs run side by side in a shard that stays") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    const auto [in_first, first] = driver.running(client, shard);
    const auto [in_second, second] = driver.running(client, shard);
    CHECK(first != second);
    driver.exited(shard, first);
    const auto listed = driver.request(client, ResourceRequest::List{shard});
    CHECK(driver.assignment(client, listed).state == ShardState::active);
    CHECK(driver.assignment(client, listed).programs ==
          std::vector<std::string>{"2 78 running true"});
    driver.exited(shard, second);
    CHECK_FALSE(driver.has<DestroyShard>());
    const auto again = driver.request(client, ResourceRequest::List{shard});
    CHECK(driver.assignment(client, again).state == ShardState::ready);
}

TEST_CASE("a program may be asked for before its shard is ready") {
    Driver driver;
    const ClientId client = driver.connect();
    const auto shard_asked = driver.new_shard(client);
    const ShardId shard = driver.only<PrepareShard>().spec.id;
    const auto run_asked = driver.run(client, shard);
    const ProgramId program = driver.only<RunProgram>().program.id;
    driver.prepared(shard);
    CHECK(driver.assignment(client, shard_asked).state == ShardState::active);
    driver.started(shard, program);
    CHECK(driver.is_answered(client, run_asked));
}

TEST_CASE("a program that cannot be started answers with the reason; its one-shot shard goes") {
    Driver driver;
    const ClientId client = driver.connect();
    const auto asked = driver.run(client);
    const auto run = driver.only<RunProgram>();
    driver.prepared(run.shard);
    driver.on(ProgramFailed{run.shard, run.program.id, Error{ENOENT, "exec 'true': not found"}});
    CHECK(driver.refusal(client, asked).code == ENOENT);
    CHECK(driver.has<DestroyShard>());

    const ShardId shard = driver.ready_shard(client);
    const auto other = driver.run(client, shard);
    driver.on(ProgramFailed{shard, driver.only<RunProgram>().program.id, Error{EACCES, "x"}});
    CHECK(driver.refusal(client, other).code == EACCES);
    CHECK_FALSE(driver.has<DestroyShard>());
}

TEST_CASE("a Run whose shard fails answers with the shard's reason") {
    Driver driver;
    const ClientId client = driver.connect();
    const auto asked = driver.run(client);
    const auto run = driver.only<RunProgram>();
    driver.on(ShardFailed{run.shard, Error{EMFILE, "clone3: Too many open files"}});
    CHECK(driver.refusal(client, asked).code == EMFILE);
    // The backend may report the program as well, or start it late: told once, nothing leaks.
    driver.on(ProgramFailed{run.shard, run.program.id, Error{EIO, "x"}});
    CHECK(driver.actions.empty());
    driver.on(ProgramStarted{run.shard, run.program.id, FdToken{4}, {}, 5});
    CHECK(driver.only<DiscardFd>().fd == FdToken{4});
}

TEST_CASE("a program killed by its shard's memory limit is told so, whichever comes first") {
    for (const bool exit_comes_first : {true, false}) {
        Driver driver;
        const ClientId client = driver.connect();
        const auto asked = driver.run(client);
        const auto run = driver.only<RunProgram>();
        driver.prepared(run.shard);
        driver.started(run.shard, run.program.id);
        ProgramExit killed;
        killed.signal_number = 9;
        killed.out_of_memory = true;
        const Event exit = ProgramExited{run.shard, run.program.id, killed};
        const Event death = ShardDied{run.shard, shard::DeathCause::out_of_memory};
        driver.step(exit_comes_first ? std::vector{exit, death} : std::vector{death, exit});
        const auto exits = driver.events(client, asked, AssignmentKind::exited);
        REQUIRE(exits.size() == 1);
        CHECK(exits[0].exit->out_of_memory);
        CHECK(driver.all<DestroyShard>().size() == 1);
    }
}

TEST_CASE("programs that go down with their shard are told when it is reclaimed, if not before") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    driver.run(client, shard);
    const ProgramId program = driver.only<RunProgram>().program.id;
    driver.started(shard, program);
    driver.on(ShardDied{shard, shard::DeathCause::init_exited});
    driver.on(ShardReclaimed{shard});
    bool is_told = false;
    for (const Frame& frame : driver.frames(client)) {
        const auto& told = std::get<ShardAssignment>(frame.message);
        if (told.kind != AssignmentKind::exited) continue;
        is_told = true;
        CHECK(told.exit->signal_number == 9);
        CHECK(told.reason == "shard 1: its init exited");
    }
    CHECK(is_told);
}

TEST_CASE("a program that does not start in time is refused, and killed if it does after all") {
    Config config = Driver::no_pool();
    config.supervisor.launch_deadline = 100ms;
    Driver driver(config);
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    const auto asked = driver.run(client, shard);
    const ProgramId program = driver.only<RunProgram>().program.id;
    driver.pass(100ms);
    CHECK(driver.refusal(client, asked).code == ETIMEDOUT);
    CHECK_FALSE(driver.has<DestroyShard>());
    driver.started(shard, program);
    CHECK_FALSE(driver.has<SendFrame>());
    CHECK(driver.only<SignalProgram>().signal_number == 9);
    driver.exited(shard, program);
    CHECK_FALSE(driver.has<SendFrame>());

    const auto one_shot = driver.run(client);
    driver.prepared(driver.only<PrepareShard>().spec.id);
    driver.pass(100ms);
    CHECK(driver.refusal(client, one_shot).code == ETIMEDOUT);
    CHECK(driver.has<DestroyShard>());
}

TEST_CASE("stopped and continued are told with the Run's correlation") {
    Driver driver;
    const ClientId client = driver.connect();
    const auto asked = driver.run(client);
    const auto run = driver.only<RunProgram>();
    driver.prepared(run.shard);
    driver.started(run.shard, run.program.id);
    driver.on(ProgramStopped{run.shard, run.program.id, 20});
    const auto stopped = driver.events(client, asked, AssignmentKind::stopped);
    REQUIRE(stopped.size() == 1);
    CHECK(stopped[0].exit->signal_number == 20);
    driver.on(ProgramContinued{run.shard, run.program.id});
    CHECK(driver.event_kinds(client, asked) == std::vector{AssignmentKind::continued});
}

TEST_CASE("the programs of a uid are counted over all of its shards and connections") {
    Config config = Driver::no_pool();
    config.default_client.programs_max = 2;
    Driver driver(config);
    const ClientId one = driver.connect(1000);
    const ClientId two = driver.connect(1000);
    const auto [shard, program] = driver.running(one);
    driver.run(two);
    const auto asked = driver.run(one, {}, {FdToken{1}, FdToken{2}, FdToken{3}});
    CHECK(driver.refusal(one, asked).code == EDQUOT);
    CHECK(driver.all<DiscardFd>().size() == 3);
    driver.exited(shard, program);
    driver.run(one);
    CHECK(driver.has<RunProgram>());
}

TEST_CASE("a dying shard takes no program, and one that never was none either") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    driver.request(client, ResourceRequest::Release{shard});
    CHECK(driver.refusal(client, driver.run(client, shard)).code == ESHUTDOWN);
    CHECK(driver.refusal(client, driver.run(client, ShardId{99})).code == ENOENT);
}

TEST_CASE("a one-shot shard takes programs beside its own and outlives them") {
    Driver driver;
    const ClientId owner = driver.connect();
    const auto [shard, program] = driver.running(owner);
    const ClientId guest = driver.connect();
    driver.run(guest, shard);
    const auto beside = driver.only<RunProgram>();
    CHECK(beside.shard == shard);
    driver.started(shard, beside.program.id);
    driver.exited(shard, beside.program.id);
    CHECK_FALSE(driver.has<DestroyShard>());
    driver.exited(shard, program);
    CHECK(driver.has<DestroyShard>());
}

TEST_CASE("a one-shot shard ends with its own program, whatever runs beside it") {
    Driver driver;
    const ClientId owner = driver.connect();
    const auto [shard, program] = driver.running(owner);
    const ClientId guest = driver.connect();
    const auto asked = driver.run(guest, shard);
    driver.started(shard, driver.only<RunProgram>().program.id);
    CHECK_FALSE(driver.assignment(guest, asked).options.has_value());
    const auto waiting = driver.run(guest, shard);
    driver.exited(shard, program);
    CHECK(driver.has<DestroyShard>());
    CHECK(driver.refusal(guest, waiting).code == ECANCELED);
    driver.on(ShardReclaimed{shard});
    const auto exits = driver.events(guest, asked, AssignmentKind::exited);
    REQUIRE(exits.size() == 1);
    CHECK(exits[0].exit->signal_number == 9);
    CHECK(exits[0].reason == "its program ended");
}

TEST_CASE("a guest that leaves a one-shot shard ends only what it started") {
    Driver driver;
    const ClientId owner = driver.connect();
    const ShardId shard = driver.running(owner).first;
    const ClientId guest = driver.connect();
    driver.run(guest, shard);
    const auto beside = driver.only<RunProgram>();
    driver.started(shard, beside.program.id);
    driver.on(ClientGone{guest});
    CHECK(driver.only<SignalProgram>().program == beside.program.id);
    CHECK_FALSE(driver.has<DestroyShard>());
}
