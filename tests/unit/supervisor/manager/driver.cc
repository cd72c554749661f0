#include "driver.h"

namespace shardrun::supervisor {

Driver::Driver(Config config, std::uint32_t unenforced)
    : manager_(std::make_shared<Config>(std::move(config)), unenforced) {}

Config Driver::no_pool() {
    Config config;
    config.warm_pool.shards_max = 0;
    return config;
}

void Driver::step(std::vector<Event> events) {
    actions = manager_.step(now, std::move(events));
    for (const PrepareShard& prepare : all<PrepareShard>()) made.push_back(prepare.spec);
    for (const std::string& broken : manager_.broken_invariants()) FAIL_CHECK(broken);
}

void Driver::prepared(ShardId shard) {
    ready.insert(shard);
    on(ShardPrepared{shard, 77, "shardrun/s", 0, 900us});
}

shard::ShardSpec Driver::asked_for() const {
    REQUIRE(has<PrepareShard>());
    return all<PrepareShard>().front().spec;
}

void Driver::on(Event event) {
    step({std::move(event)});
}

void Driver::pass(std::chrono::milliseconds time) {
    const MonoTime end = now + time;
    std::vector<Action> all;
    while (manager_.next_deadline() && *manager_.next_deadline() <= end) {
        now = std::max(now, *manager_.next_deadline());
        step();
        all.insert(all.end(), actions.begin(), actions.end());
    }
    now = end;
    actions = std::move(all);
}

ClientId Driver::connect(uid_t uid) {
    const ClientId client{++last_client_};
    on(ClientConnected{client, {uid, uid, 4321}});
    return client;
}

std::uint64_t Driver::ask(ClientId client, Message message, std::vector<shard::FdToken> fds) {
    Frame frame;
    frame.type = static_cast<MessageType>(message.index() + 1);
    frame.correlation = ++last_correlation_;
    frame.fd_count = static_cast<std::uint8_t>(fds.size());
    frame.message = std::move(message);
    on(ClientFrame{client, std::move(frame), std::move(fds)});
    return last_correlation_;
}

std::uint64_t Driver::request(ClientId client, ResourceRequest::What what,
                              std::vector<shard::FdToken> fds) {
    return ask(client, ResourceRequest{std::move(what)}, std::move(fds));
}

std::uint64_t Driver::run(ClientId client, std::optional<ShardId> shard,
                          std::vector<shard::FdToken> fds) {
    ResourceRequest::Run run;
    run.shard = shard;
    run.program.argv = {"true"};
    return request(client, std::move(run), std::move(fds));
}

std::uint64_t Driver::new_shard(ClientId client, ShardOptions options) {
    return request(client, ResourceRequest::NewShard{std::move(options)});
}

void Driver::exited(ShardId shard, ProgramId program, std::uint8_t status) {
    ProgramExit exit;
    exit.status = status;
    on(ProgramExited{shard, program, exit});
}

ShardId Driver::ready_shard(ClientId client) {
    new_shard(client);
    const ShardId shard = asked_for().id;
    prepared(shard);
    return shard;
}

std::pair<ShardId, ProgramId> Driver::running(ClientId client, std::optional<ShardId> shard) {
    run(client, shard);
    const RunProgram run = only<RunProgram>();
    if (has<PrepareShard>()) prepared(run.shard);
    started(run.shard, run.program.id);
    return {run.shard, run.program.id};
}

std::vector<Frame> Driver::frames(ClientId client) const {
    std::vector<Frame> found;
    for (const SendFrame& send : all<SendFrame>())
        if (send.client == client) found.push_back(send.frame);
    return found;
}

bool Driver::is_answered(ClientId client, std::uint64_t correlation) const {
    for (const Frame& frame : frames(client))
        if (frame.correlation == correlation && has_flag(frame, FrameFlag::reply)) return true;
    return false;
}

Frame Driver::reply(ClientId client, std::uint64_t correlation) const {
    std::vector<Frame> found;
    for (const Frame& frame : frames(client))
        if (frame.correlation == correlation && has_flag(frame, FrameFlag::reply))
            found.push_back(frame);
    REQUIRE(found.size() == 1);
    return found.front();
}

ShardAssignment Driver::assignment(ClientId client, std::uint64_t correlation) const {
    const Frame frame = reply(client, correlation);
    const auto* refused = std::get_if<ErrorReply>(&frame.message);
    REQUIRE_MESSAGE(refused == nullptr, (refused != nullptr ? refused->sentence : ""));
    return std::get<ShardAssignment>(frame.message);
}

ErrorReply Driver::refusal(ClientId client, std::uint64_t correlation) const {
    const Frame frame = reply(client, correlation);
    REQUIRE(has_flag(frame, FrameFlag::error));
    return std::get<ErrorReply>(frame.message);
}

std::vector<ShardAssignment> Driver::events(ClientId client, std::uint64_t correlation,
                                            AssignmentKind kind) const {
    std::vector<ShardAssignment> found;
    for (const Frame& frame : frames(client)) {
        if (frame.correlation != correlation || !has_flag(frame, FrameFlag::event)) continue;
        const auto& assignment = std::get<ShardAssignment>(frame.message);
        if (assignment.kind == kind) found.push_back(assignment);
    }
    return found;
}

std::vector<AssignmentKind> Driver::event_kinds(ClientId client, std::uint64_t correlation) const {
    std::vector<AssignmentKind> kinds;
    for (const Frame& frame : frames(client))
        if (frame.correlation == correlation && has_flag(frame, FrameFlag::event))
            kinds.push_back(std::get<ShardAssignment>(frame.message).kind);
    return kinds;
}

}  // namespace shardrun::supervisor
