#include "sim_client.h"

#include <fmt/format.h>

#include <utility>

namespace shardrun::sim {

namespace {

bool has(const Frame& frame, FrameFlag flag) {
    return (frame.flags & static_cast<std::uint8_t>(flag)) != 0;
}

template <class T>
T pick(Rng& rng, const std::vector<T>& from, T otherwise) {
    return from.empty() ? otherwise : from[rng.below(from.size())];
}

ShardLimits random_limits(Rng& rng) {
    ShardLimits limits;
    if (rng.chance(30)) limits.memory_max_bytes = (rng.below(300) + 1) << 20U;
    if (rng.chance(15)) limits.cpu_max_millicores = static_cast<std::uint32_t>(rng.below(3000));
    if (rng.chance(10)) limits.cpuset_cpus = rng.chance(70) ? "0-1" : "nonsense";
    if (rng.chance(10)) limits.pids_max = rng.below(600);
    if (rng.chance(5)) limits.tmpfs_size_max_bytes = (rng.below(2) + 1) << 26U;
    if (rng.chance(5)) limits.io_max.push_back(IoLimit{8, 0, 1000, {}, {}, {}});
    return limits;
}

}  // namespace

ShardOptions SimClient::random_options(Rng& rng) {
    ShardOptions options;
    if (rng.chance(20)) options.limits = random_limits(rng);
    if (rng.chance(3)) options.network = static_cast<NetworkMode>(rng.below(6));
    if (rng.chance(3)) options.seccomp_profile = rng.chance(50) ? "strict" : "nowhere";
    if (rng.chance(5)) options.hostname = rng.chance(80) ? "box" : "not a host name";
    if (rng.chance(3)) options.capabilities = {rng.chance(50) ? "CAP_NET_RAW" : "CAP_SYS_ADMIN"};
    if (rng.chance(10)) options.image = rng.chance(90) ? "debian" : "/not/a/name";
    return options;
}

ShardId SimClient::random_shard(Rng& rng, std::uint64_t shards) {
    if (rng.chance(75)) return pick(rng, shards_, ShardId{1});
    return ShardId{rng.below(shards + 3)};
}

std::string SimClient::random_blob(Rng& rng) {
    static const std::vector<std::string> kNames{
        "model.bin",    "models/tiny.bin", "/usr/bin/python3",  "/lib/libc.so.6",
        "/etc/../etc/", "not a name",      std::string(64, 'a')};
    return kNames[rng.below(kNames.size())];
}

ResourceRequest::Run SimClient::random_run(Rng& rng, std::uint64_t shards) {
    ResourceRequest::Run run;
    run.program.argv = {"/usr/bin/true"};
    if (rng.chance(40)) run.shard = random_shard(rng, shards);
    run.options = random_options(rng);
    run.program.wants_pidfd = rng.chance(50);
    if (rng.chance(20)) run.program.terminal = WindowSize{24, 80};
    if (rng.chance(3)) run.program.argv.clear();
    if (rng.chance(3)) run.program.env = {"no equals sign"};
    if (rng.chance(3)) run.program.cwd = "relative";
    return run;
}

ResourceRequest SimClient::random_request(Rng& rng, std::uint64_t shards) {
    const std::uint64_t dice = rng.below(100);
    const ShardId shard = random_shard(rng, shards);
    if (dice < 40) return {random_run(rng, shards)};
    if (dice < 55) return {ResourceRequest::NewShard{random_options(rng)}};
    if (dice < 67) {
        const ProgramId program = rng.chance(30) ? ProgramId{} : pick(rng, programs_, ProgramId{7});
        return {ResourceRequest::Signal{
            shard, program, static_cast<std::uint32_t>(rng.chance(80) ? 15 : rng.below(70))}};
    }
    if (dice < 77) {
        if (rng.chance(15)) return {ResourceRequest::Release{}};
        return {ResourceRequest::Release{shard}};
    }
    if (dice < 85) return {ResourceRequest::Resize{shard, random_limits(rng)}};
    if (dice < 89) return {ResourceRequest::Subscribe{rng.chance(70), rng.chance(40)}};
    if (dice < 94) return {rng.chance(50) ? ResourceRequest::List{} : ResourceRequest::List{shard}};
    if (dice < 97) return {ResourceRequest::Session{rng.chance(80) ? "web" : ""}};
    return {ResourceRequest::Blob{random_blob(rng)}};
}

Message SimClient::random_message(Rng& rng, std::uint64_t shards) {
    const std::uint64_t dice = rng.below(1000);
    if (dice < 850) return random_request(rng, shards);
    if (dice < 880) {
        ShardStatus status;
        status.shard = random_shard(rng, shards);
        status.reported_load = 17;
        return status;
    }
    if (dice < 930)
        return ResourceAccess{random_shard(rng, shards), BlobKind::data, random_blob(rng)};
    if (dice < 998) {
        PrefetchRequest hint;
        hint.shard = random_shard(rng, shards);
        hint.name = random_blob(rng);
        return hint;
    }
    return ShardAssignment{};  // Only the manager sends these.
}

SimClient::Asked SimClient::describe(const Message& message, MonoTime now) {
    Asked asked;
    asked.since = now;
    if (std::holds_alternative<ShardStatus>(message)) asked.kind = Kind::status;
    if (const auto* access = std::get_if<ResourceAccess>(&message)) {
        asked.kind = Kind::blob;
        asked.blob = access->name;
    }
    if (const auto* hint = std::get_if<PrefetchRequest>(&message)) {
        asked.kind = Kind::blob;
        asked.blob = hint->name;
    }
    const auto* request = std::get_if<ResourceRequest>(&message);
    if (request == nullptr) return asked;
    const auto& what = request->what;
    if (std::holds_alternative<ResourceRequest::Run>(what)) asked.kind = Kind::run;
    if (std::holds_alternative<ResourceRequest::NewShard>(what)) asked.kind = Kind::new_shard;
    if (std::holds_alternative<ResourceRequest::Release>(what)) asked.kind = Kind::release;
    if (std::holds_alternative<ResourceRequest::List>(what)) asked.kind = Kind::list;
    if (const auto* subscribe = std::get_if<ResourceRequest::Subscribe>(&what)) {
        asked.kind = Kind::subscribe;
        asked.wants_prefetch = subscribe->prefetch;
    }
    if (const auto* blob = std::get_if<ResourceRequest::Blob>(&what)) {
        asked.kind = Kind::blob;
        asked.blob = blob->name;
        asked.wants_blob_fd = true;
    }
    return asked;
}

supervisor::ClientFrame SimClient::ask(Rng& rng, Ledger& ledger, std::uint64_t shards,
                                       MonoTime now) {
    supervisor::ClientFrame event{id_, {}, {}};
    event.frame.message = random_message(rng, shards);
    event.frame.type = static_cast<MessageType>(event.frame.message.index() + 1);
    event.frame.correlation = ++correlation_;
    Asked asked = describe(event.frame.message, now);
    if (std::holds_alternative<ShardAssignment>(event.frame.message)) is_guilty_ = true;
    std::uint64_t fds = rng.chance(5) ? rng.below(9) : 0;
    if (asked.kind == Kind::run && rng.chance(60)) fds = 3;
    for (; fds > 0; --fds) event.fds.push_back(ledger.mint());
    event.frame.fd_count = static_cast<std::uint8_t>(event.fds.size());
    if (rng.chance(1) && rng.chance(20)) {
        event.frame.correlation = 0;
        is_guilty_ = true;
    } else if (!is_closed_) {
        asked_.emplace(correlation_, asked);
    }
    return event;
}

void SimClient::complain(const Frame& frame, const std::string& what) {
    complaints_.push_back(
        fmt::format("client {}, frame {}: {}", std::to_underlying(id_), frame.correlation, what));
}

void SimClient::on_frame(const supervisor::SendFrame& action) {
    const Frame& frame = action.frame;
    if (is_closed_) return complain(frame, "sent after the connection was closed");
    if (frame.fd_count != action.fds.size()) complain(frame, "counts its descriptors wrong");
    const auto* assignment = std::get_if<ShardAssignment>(&frame.message);
    if (assignment != nullptr && assignment->fds.size() != action.fds.size())
        complain(frame, "has descriptors without roles");
    const bool is_error = has(frame, FrameFlag::error);
    if (is_error != std::holds_alternative<ErrorReply>(frame.message))
        complain(frame, "is half an error");
    if (!is_error && std::to_underlying(frame.type) != frame.message.index() + 1)
        complain(frame, "has the wrong type");
    if (has(frame, FrameFlag::reply) == has(frame, FrameFlag::event))
        complain(frame, "is neither reply nor event, or both");
    const auto asked = asked_.find(frame.correlation);
    if (asked == asked_.end()) {
        // The farewell of one that was not let in, or broke the rules.
        if (frame.correlation != 0 || !is_error) complain(frame, "was never asked for");
        is_guilty_ = true;
        return;
    }
    if (has(frame, FrameFlag::reply)) return on_reply(asked->second, frame);
    if (const auto* used = std::get_if<PrefetchResponse>(&frame.message))
        return on_file_used(frame, *used);
    if (assignment == nullptr) return complain(frame, "is an event of no kind");
    on_event(asked->second, *assignment);
}

void SimClient::on_reply(Asked& asked, const Frame& frame) {
    if (asked.is_answered) return complain(frame, "answers a second time");
    const bool has_more = has(frame, FrameFlag::more);
    if (has_more && asked.kind != Kind::list) complain(frame, "promises more");
    asked.is_answered = !has_more;
    asked.is_refused = has(frame, FrameFlag::error);
    if (asked.is_refused) {
        const auto& refusal = std::get<ErrorReply>(frame.message);
        if (refusal.code == 0 || refusal.sentence.empty()) complain(frame, "refuses without words");
        return;
    }
    if (asked.kind == Kind::subscribe) {
        watch_.reset();
        if (asked.wants_prefetch) watch_ = frame.correlation;
    }
    const auto* response = std::get_if<PrefetchResponse>(&frame.message);
    if (response != nullptr) on_blob(asked, frame, *response);
    const auto* assignment = std::get_if<ShardAssignment>(&frame.message);
    if ((assignment == nullptr) != (asked.kind == Kind::status || asked.kind == Kind::blob))
        return complain(frame, "answers with the wrong message");
    if (assignment == nullptr) return;
    if (asked.kind == Kind::run && assignment->kind != AssignmentKind::started)
        complain(frame, "answers a Run without starting it");
    if (asked.kind == Kind::new_shard && assignment->kind != AssignmentKind::assigned)
        complain(frame, "answers a NewShard without one");
    if (assignment->kind == AssignmentKind::assigned) shards_.push_back(assignment->shard);
    if (assignment->kind == AssignmentKind::started) {
        shards_.push_back(assignment->shard);
        programs_.push_back(assignment->program);
        running_.insert(assignment->program);
    }
}

void SimClient::on_blob(const Asked& asked, const Frame& frame, const PrefetchResponse& response) {
    const bool is_failed = response.outcome == BlobOutcome::failed;
    if (response.name != asked.blob) complain(frame, "tells of another blob");
    if (is_failed != response.reason.has_value()) complain(frame, "fails without words");
    if ((frame.fd_count == 1) != (asked.wants_blob_fd && !is_failed))
        complain(frame, "has a descriptor where none belongs, or none");
}

void SimClient::on_file_used(const Frame& frame, const PrefetchResponse& used) {
    if (watch_ != frame.correlation) complain(frame, "tells of files it does not watch");
    if (used.name.empty()) complain(frame, "tells of a file without a name");
}

void SimClient::on_event(Asked& asked, const ShardAssignment& assignment) {
    Frame frame;
    for (const auto& [correlation, each] : asked_)
        if (&each == &asked) frame.correlation = correlation;
    const AssignmentKind kind = assignment.kind;
    if (asked.is_refused || asked.is_over) return complain(frame, "has an event after its end");
    if (asked.kind == Kind::subscribe) return;
    if (asked.kind == Kind::release) {
        if (kind != AssignmentKind::reclaimed || asked.is_answered)
            complain(frame, "tells a Release what it did not ask");
        return;
    }
    if (!asked.is_answered) return complain(frame, "has an event before its reply");
    if (asked.kind == Kind::run) {
        if (kind == AssignmentKind::exited) {
            asked.is_over = true;
            running_.erase(assignment.program);
        }
        if (kind != AssignmentKind::exited && kind != AssignmentKind::stopped &&
            kind != AssignmentKind::continued)
            complain(frame, "tells a Run what it did not ask");
        if ((kind == AssignmentKind::exited) != assignment.exit.has_value() &&
            kind != AssignmentKind::stopped)
            complain(frame, "ends without saying how");
        return;
    }
    if (asked.kind == Kind::new_shard) {
        if (kind == AssignmentKind::reclaimed) asked.is_over = true;
        if (kind != AssignmentKind::reclaimed && kind != AssignmentKind::draining &&
            kind != AssignmentKind::failed)
            complain(frame, "tells a NewShard what it did not ask");
        return;
    }
    complain(frame, "has events nobody asked for");
}

void SimClient::on_close() {
    if (is_closed_) complaints_.push_back("a client is closed twice");
    is_closed_ = true;
}

void SimClient::check_patience(MonoTime limit) {
    if (is_guilty_ || is_closed_) return;
    for (const auto& [correlation, asked] : asked_)
        if (!asked.is_answered && asked.since < limit)
            complaints_.push_back(fmt::format("client {}: request {} waits for ever",
                                              std::to_underlying(id_), correlation));
}

void SimClient::check_settled() {
    if (is_guilty_) return;
    for (const auto& [correlation, asked] : asked_) {
        const bool has_end = asked.kind == Kind::run || asked.kind == Kind::new_shard;
        if (!asked.is_answered)
            complaints_.push_back(fmt::format("client {}: request {} was never answered",
                                              std::to_underlying(id_), correlation));
        else if (has_end && !asked.is_refused && !asked.is_over)
            complaints_.push_back(fmt::format("client {}: what {} began never ended",
                                              std::to_underlying(id_), correlation));
    }
}

}  // namespace shardrun::sim
