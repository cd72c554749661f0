// The blocking calls: each one sends a message and waits for what answers it.
#include <cerrno>
#include <utility>

#include "base/fail.h"
#include "client/client_state.h"
#include "shardrun/client.h"

namespace shardrun {
namespace {

using client::Deadline;
using What = ResourceRequest;

bool is_answer(const ReceivedFrame& received, std::uint64_t correlation) {
    return received.frame.correlation == correlation &&
           (received.is_reply() || received.is_error());
}

// The next thing that happened to the program of one Run, or the Error that ended it.
Result<ReceivedFrame> next_of_run(ReceivedFrame received) {
    if (auto error = received.error()) return std::unexpected(*std::move(error));
    const ShardAssignment* body = received.assignment();
    if (body == nullptr) return received;
    const bool ended =
        body->kind == AssignmentKind::failed || body->kind == AssignmentKind::reclaimed;
    if (!ended) return received;
    return refuse(ESRCH, "shard {} went away under its program: {}",
                  std::to_underlying(body->shard), body->reason.value_or("it was reclaimed"));
}

template <class Body>
Result<Body> body_of(ReceivedFrame received, const char* name) {
    auto* body = std::get_if<Body>(&received.frame.message);
    if (body == nullptr) return refuse(EPROTO, "the supervisor answered with no {}", name);
    return std::move(*body);
}

Result<void> nothing_of(const Result<ReceivedFrame>& reply) {
    if (!reply) return std::unexpected(reply.error());
    return {};
}

}  // namespace

Result<ReceivedFrame> Client::receive(Timeout timeout) {
    return state_->wait_for([](const ReceivedFrame&) { return true; }, Deadline(timeout));
}

Result<ReceivedFrame> Client::await_reply(std::uint64_t correlation, Timeout timeout) {
    auto reply = state_->wait_for(
        [=](const ReceivedFrame& received) { return is_answer(received, correlation); },
        Deadline(timeout));
    if (!reply) {
        if (state_->is_open) state_->abandon(correlation);
        return reply;
    }
    if (auto error = reply->error()) return std::unexpected(*std::move(error));
    return reply;
}

Result<ReceivedFrame> Client::request(const Message& message, std::span<const int> fds,
                                      Timeout timeout) {
    SR_TRY(const std::uint64_t correlation, send(message, fds));
    return await_reply(correlation, timeout);
}

Result<ReceivedFrame> Client::next_event(std::uint64_t correlation, Timeout timeout) {
    return state_->wait_for(
        [=](const ReceivedFrame& received) {
            if (!received.is_event() && !received.is_error()) return false;
            return correlation == 0 || received.frame.correlation == correlation;
        },
        Deadline(timeout));
}

Result<void> Client::open_session(const std::string& profile, Timeout timeout) {
    return nothing_of(request(What{What::Session{profile}}, {}, timeout));
}

Result<ReceivedFrame> Client::new_shard(const ShardOptions& options, Timeout timeout) {
    return request(What{What::NewShard{options}}, {}, timeout);
}

Result<ReceivedFrame> Client::run(const What::Run& run, std::span<const int> stdio,
                                  Timeout timeout) {
    SR_TRY(ReceivedFrame received, request(What{run}, stdio, timeout));
    const std::uint64_t correlation = received.frame.correlation;
    while (received.assignment() != nullptr &&
           received.assignment()->kind != AssignmentKind::started) {
        SR_TRY(received, next_event(correlation, timeout));
        SR_TRY(received, next_of_run(std::move(received)));
    }
    return received;
}

Result<ProgramExit> Client::run_program(const What::Run& run, std::span<const int> stdio,
                                        Timeout timeout) {
    SR_TRY(ReceivedFrame received, request(What{run}, stdio, timeout));
    const std::uint64_t correlation = received.frame.correlation;
    while (true) {
        const ShardAssignment* body = received.assignment();
        // `stopped` has an exit too: it tells the signal.
        const bool is_over = body != nullptr && body->kind == AssignmentKind::exited;
        if (is_over && body->exit) return *body->exit;
        SR_TRY(received, next_event(correlation, timeout));
        SR_TRY(received, next_of_run(std::move(received)));
    }
}

Result<void> Client::signal(ShardId shard, ProgramId program, int signal_number, Timeout timeout) {
    const auto number = static_cast<std::uint32_t>(signal_number);
    return nothing_of(request(What{What::Signal{shard, program, number}}, {}, timeout));
}

Result<void> Client::release(std::optional<ShardId> shard, Timeout timeout) {
    return nothing_of(request(What{What::Release{shard}}, {}, timeout));
}

Result<ShardAssignment> Client::resize(ShardId shard, const ShardLimits& limits, Timeout timeout) {
    SR_TRY(ReceivedFrame reply, request(What{What::Resize{shard, limits}}, {}, timeout));
    return body_of<ShardAssignment>(std::move(reply), "ShardAssignment");
}

Result<ShardStatus> Client::status(const ShardStatus& report, Timeout timeout) {
    SR_TRY(ReceivedFrame reply, request(report, {}, timeout));
    return body_of<ShardStatus>(std::move(reply), "ShardStatus");
}

Result<std::vector<ShardAssignment>> Client::list(std::optional<ShardId> shard, Timeout timeout) {
    SR_TRY(ReceivedFrame reply, request(What{What::List{shard}}, {}, timeout));
    std::vector<ShardAssignment> rows;
    while (true) {
        const bool more = reply.has(FrameFlag::more);
        const std::uint64_t correlation = reply.frame.correlation;
        SR_TRY(ShardAssignment row, body_of<ShardAssignment>(std::move(reply), "ShardAssignment"));
        if (row.shard != ShardId{}) rows.push_back(std::move(row));
        if (!more) return rows;
        SR_TRY(reply, await_reply(correlation, timeout));
    }
}

Result<std::uint64_t> Client::subscribe(const What::Subscribe& what, Timeout timeout) {
    SR_TRY(const ReceivedFrame reply, request(What{what}, {}, timeout));
    return reply.frame.correlation;
}

Result<ReceivedFrame> Client::access(const ResourceAccess& access, Timeout timeout) {
    return request(access, {}, timeout);
}

Result<ReceivedFrame> Client::blob(const std::string& name, Timeout timeout) {
    return request(What{What::Blob{name}}, {}, timeout);
}

Result<void> Client::hint(const PrefetchRequest& hint) {
    SR_TRY(const std::uint64_t correlation, send(hint));
    // Nobody waits for it; an error in answer is dropped when it comes.
    state_->abandon(correlation);
    return {};
}

}  // namespace shardrun
