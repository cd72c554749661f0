#include <cerrno>

#include "driver.h"

using namespace shardrun;
using namespace shardrun::supervisor;

TEST_CASE("a signal goes to one program or to all of the shard") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    const ProgramId first = driver.running(client, shard).second;
    driver.running(client, shard);
    const auto one = driver.request(client, ResourceRequest::Signal{shard, first, 10});
    CHECK(driver.assignment(client, one).kind == AssignmentKind::done);
    CHECK(driver.only<SignalProgram>().program == first);
    driver.request(client, ResourceRequest::Signal{shard, {}, 64});
    CHECK(driver.all<SignalProgram>().size() == 2);
    CHECK(driver.all<SignalProgram>()[0].signal_number == 64);
}

TEST_CASE("a signal to a program that is yet to start arrives when it does") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    driver.run(client, shard);
    const ProgramId program = driver.only<RunProgram>().program.id;
    driver.request(client, ResourceRequest::Signal{shard, program, 64});
    driver.request(client, ResourceRequest::Signal{shard, {}, 1});
    CHECK_FALSE(driver.has<SignalProgram>());
    driver.started(shard, program);
    REQUIRE(driver.all<SignalProgram>().size() == 2);
    CHECK(driver.all<SignalProgram>()[0].signal_number == 1);
    CHECK(driver.all<SignalProgram>()[1].signal_number == 64);
}

TEST_CASE("a signal that is none and a program that is elsewhere are refused") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    const auto [other, program] = driver.running(client);
    const auto code = [&](const ResourceRequest::Signal& signal) {
        return driver.refusal(client, driver.request(client, signal)).code;
    };
    CHECK(code({shard, {}, 0}) == EINVAL);
    CHECK(code({shard, {}, 65}) == EINVAL);
    CHECK(code({shard, program, 15}) == ESRCH);
    CHECK(code({ShardId{99}, {}, 15}) == ENOENT);
}

TEST_CASE("a resize is in force when the backend says so") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    ShardLimits limits;
    limits.pids_max = 9;
    const auto asked = driver.request(client, ResourceRequest::Resize{shard, limits});
    CHECK(driver.only<ApplyLimits>().limits.pids_max == 9);
    CHECK(driver.only<ApplyLimits>().limits.memory_max_bytes == 512U << 20U);
    CHECK_FALSE(driver.is_answered(client, asked));
    driver.on(LimitsApplied{shard, {}});
    const ShardAssignment resized = driver.assignment(client, asked);
    CHECK(resized.kind == AssignmentKind::resized);
    CHECK(resized.options->limits.pids_max == 9);
}

TEST_CASE("a resize that fails leaves the limits that were") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    ShardLimits limits;
    limits.pids_max = 9;
    const auto asked = driver.request(client, ResourceRequest::Resize{shard, limits});
    driver.on(LimitsApplied{shard, Error{EBUSY, "write memory.max: Device or resource busy"}});
    CHECK(driver.refusal(client, asked).code == EBUSY);
    const auto listed = driver.request(client, ResourceRequest::List{shard});
    CHECK(driver.assignment(client, listed).options->limits.pids_max == 256);
}

TEST_CASE("resizes in a row build on one another and are answered in turn") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    ShardLimits pids;
    pids.pids_max = 9;
    ShardLimits memory;
    memory.memory_max_bytes = 2U << 20U;
    const auto first = driver.request(client, ResourceRequest::Resize{shard, pids});
    const auto second = driver.request(client, ResourceRequest::Resize{shard, memory});
    CHECK(driver.only<ApplyLimits>().limits.pids_max == 9);
    driver.on(LimitsApplied{shard, {}});
    CHECK(driver.is_answered(client, first));
    CHECK_FALSE(driver.is_answered(client, second));
    driver.on(LimitsApplied{shard, {}});
    CHECK(driver.assignment(client, second).options->limits.pids_max == 9);
}

TEST_CASE("a shard that is not ready is resized when it is") {
    Driver driver;
    const ClientId client = driver.connect();
    driver.new_shard(client);
    const ShardId shard = driver.only<PrepareShard>().spec.id;
    ShardLimits limits;
    limits.pids_max = 9;
    driver.request(client, ResourceRequest::Resize{shard, limits});
    CHECK_FALSE(driver.has<ApplyLimits>());
    driver.prepared(shard);
    CHECK(driver.only<ApplyLimits>().limits.pids_max == 9);
}

TEST_CASE("a resize above the bound, of the tmpfs, or of nothing is refused") {
    Config config = Driver::no_pool();
    config.default_client.limits_max.pids_max = 300;
    Driver driver(config);
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    const auto code = [&](ShardId of, auto set) {
        ResourceRequest::Resize resize{of, {}};
        set(resize.limits);
        return driver.refusal(client, driver.request(client, resize)).code;
    };
    CHECK(code(shard, [](ShardLimits& l) { l.pids_max = 301; }) == EDQUOT);
    CHECK(code(shard, [](ShardLimits& l) { l.pids_max = 0; }) == EINVAL);
    CHECK(code(shard, [](ShardLimits& l) { l.tmpfs_size_max_bytes = 1U << 20U; }) == EINVAL);
    CHECK(code(ShardId{99}, [](ShardLimits& l) { l.pids_max = 30; }) == ENOENT);
    ResourceRequest::Resize same{shard, {}};
    same.limits.tmpfs_size_max_bytes = 128U << 20U;
    driver.request(client, same);
    CHECK(driver.has<ApplyLimits>());
}

TEST_CASE("requests that wait when their shard goes are refused with its reason") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    ShardLimits limits;
    limits.pids_max = 9;
    ShardStatus status;
    status.shard = shard;
    const auto resize = driver.request(client, ResourceRequest::Resize{shard, limits});
    const auto measure = driver.ask(client, status);
    driver.on(ShardDied{shard, shard::DeathCause::init_exited});
    CHECK(driver.refusal(client, resize).sentence == "shard 1: its init exited");
    CHECK(driver.refusal(client, measure).code == EIO);
    CHECK(driver.reply(client, measure).type == MessageType::shard_status);
    driver.on(LimitsApplied{shard, {}});
    CHECK(driver.actions.empty());
}

TEST_CASE("one connection cannot pile up requests without end") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    ShardStatus status;
    status.shard = shard;
    for (int i = 0; i < 256; ++i) {
        driver.ask(client, status);
        CHECK(driver.has<MeasureStatus>());
    }
    CHECK(driver.refusal(client, driver.ask(client, status)).code == EAGAIN);
    driver.on(StatusMeasured{shard, 1, {}, {}});
    driver.ask(client, status);
    CHECK(driver.has<MeasureStatus>());
}

TEST_CASE("a status is the measured use, the limits in force and the client's own report") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    ShardStatus report;
    report.shard = shard;
    report.reported_load = 5000;
    report.reported_queue = 3;
    driver.ask(client, report);
    ShardStatus question;
    question.shard = shard;
    const auto asked = driver.ask(client, question);
    const MeasureStatus measure = driver.only<MeasureStatus>();
    ShardStatus measured;
    measured.memory_current_bytes = 4096;
    driver.on(StatusMeasured{shard, measure.request, measured, {}});
    const Frame frame = driver.reply(client, asked);
    CHECK(frame.type == MessageType::shard_status);
    const auto& status = std::get<ShardStatus>(frame.message);
    CHECK(status.shard == shard);
    CHECK(status.memory_current_bytes == 4096);
    CHECK(status.reported_load == 5000);
    CHECK(status.reported_queue == 3);
    CHECK(status.limits->pids_max == 256);
    driver.on(StatusMeasured{shard, measure.request, measured, {}});
    CHECK(driver.actions.empty());
}

TEST_CASE("a measurement that fails says why") {
    Driver driver;
    const ClientId client = driver.connect();
    ShardStatus question;
    question.shard = driver.ready_shard(client);
    const auto asked = driver.ask(client, question);
    driver.on(StatusMeasured{question.shard,
                             driver.only<MeasureStatus>().request,
                             {},
                             Error{EIO, "read cpu.stat: Input/output error"}});
    CHECK(driver.refusal(client, asked).code == EIO);
}

TEST_CASE("a listing shows one's uid's shards, an administrator all, and marks its end") {
    Config config = Driver::no_pool();
    config.clients[1005].is_administrator = true;
    Driver driver(config);
    const ShardId one = driver.ready_shard(driver.connect(1000));
    const ShardId two = driver.ready_shard(driver.connect(1001));
    const ClientId same_uid = driver.connect(1000);
    const auto mine = driver.request(same_uid, ResourceRequest::List{});
    CHECK(driver.assignment(same_uid, mine).shard == one);
    CHECK(driver.assignment(same_uid, mine).owner_uid == 1000);
    CHECK_FALSE(has_flag(driver.reply(same_uid, mine), FrameFlag::more));

    const ClientId administrator = driver.connect(1005);
    driver.request(administrator, ResourceRequest::List{});
    const std::vector<Frame> rows = driver.frames(administrator);
    REQUIRE(rows.size() == 2);
    CHECK(std::get<ShardAssignment>(rows[0].message).shard == one);
    CHECK(has_flag(rows[0], FrameFlag::more));
    CHECK(std::get<ShardAssignment>(rows[1].message).shard == two);
    CHECK_FALSE(has_flag(rows[1], FrameFlag::more));

    const ClientId stranger = driver.connect(1002);
    const auto none = driver.request(stranger, ResourceRequest::List{});
    CHECK(driver.assignment(stranger, none).kind == AssignmentKind::listed);
    CHECK(driver.assignment(stranger, none).shard == ShardId{});
    const auto foreign = driver.request(stranger, ResourceRequest::List{one});
    CHECK(driver.refusal(stranger, foreign).code == ENOENT);
}

TEST_CASE("a subscriber is told of every shard it may see, and of no other") {
    Driver driver;
    const ClientId watcher = driver.connect(1000);
    const auto watch = driver.request(watcher, ResourceRequest::Subscribe{});
    CHECK(driver.assignment(watcher, watch).kind == AssignmentKind::done);
    driver.run(driver.connect(1001));
    const auto foreign = driver.only<RunProgram>();
    driver.prepared(foreign.shard);
    driver.started(foreign.shard, foreign.program.id);
    CHECK(driver.frames(watcher).empty());

    driver.run(driver.connect(1000));
    const auto run = driver.only<RunProgram>();
    driver.prepared(run.shard);
    CHECK(driver.event_kinds(watcher, watch) == std::vector{AssignmentKind::assigned});
    driver.on(ProgramStarted{run.shard, run.program.id, shard::FdToken{3}, {}, 5});
    CHECK(driver.event_kinds(watcher, watch) == std::vector{AssignmentKind::started});
    driver.on(ProgramStopped{run.shard, run.program.id, 19});
    CHECK(driver.event_kinds(watcher, watch) == std::vector{AssignmentKind::stopped});
    driver.on(ProgramContinued{run.shard, run.program.id});
    CHECK(driver.event_kinds(watcher, watch) == std::vector{AssignmentKind::continued});
    driver.exited(run.shard, run.program.id);
    CHECK(driver.event_kinds(watcher, watch) == std::vector{AssignmentKind::exited});
    driver.on(ShardReclaimed{run.shard});
    CHECK(driver.event_kinds(watcher, watch) == std::vector{AssignmentKind::reclaimed});

    driver.request(watcher, ResourceRequest::Subscribe{false, false});
    driver.ready_shard(driver.connect(1000));
    CHECK(driver.frames(watcher).empty());
}
