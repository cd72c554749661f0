#include <algorithm>
#include <cerrno>

#include "base/fail.h"
#include "proto/frame.h"
#include "supervisor/manager_state.h"
#include "supervisor/wishes.h"

/// What goes out: frames with their flags, descriptors with their owner, lines for the log.
namespace shardrun::supervisor {

namespace {

// A listing is one frame per shard and must stay far below the frame limit.
constexpr std::size_t kListedProgramsMax = 1024;
constexpr std::size_t kListedNameMax = 64;

constexpr std::uint8_t flag(FrameFlag flag) {
    return static_cast<std::uint8_t>(flag);
}

MessageType type_of(const Message& message) {
    // The alternatives of Message stand in the order of the wire's numbers.
    return static_cast<MessageType>(message.index() + 1);
}

const char* name_of(ProgramState state) {
    switch (state) {
        case ProgramState::waiting:
            return "waiting";
        case ProgramState::running:
            return "running";
        case ProgramState::stopped:
            return "stopped";
    }
    return "?";
}

std::string program_row(const ProgramRecord& program) {
    return fmt::format("{} {} {} {}", static_cast<std::uint64_t>(program.id), program.pid,
                       name_of(program.state),
                       std::string_view(program.name).substr(0, kListedNameMax));
}

}  // namespace

void Manager::State::send(ClientId id, Frame frame, Fds fds) {
    const ClientRecord* client = find_client(id);
    // Nothing is sent to the dead, but what was meant for them is still to be closed.
    if (client == nullptr || client->is_closing) return discard(fds);
    frame.fd_count = static_cast<std::uint8_t>(fds.size());
    actions.emplace_back(SendFrame{id, std::move(frame), std::move(fds)});
}

void Manager::State::discard(const Fds& fds) {
    for (const shard::FdToken fd : fds) actions.emplace_back(DiscardFd{fd});
}

void Manager::State::reply(const Asker& asker, Message message, Fds fds, bool is_last) {
    Frame frame;
    frame.type = type_of(message);
    frame.flags = flag(FrameFlag::reply);
    if (!is_last) frame.flags |= flag(FrameFlag::more);
    frame.correlation = asker.correlation;
    frame.message = std::move(message);
    send(asker.client, std::move(frame), std::move(fds));
}

void Manager::State::reply_error(const Asker& asker, MessageType type, const Error& error) {
    send(asker.client, proto::make_error_reply(type, asker.correlation, error));
}

void Manager::State::tell(const std::optional<Asker>& asker, Message message) {
    if (!asker) return;
    Frame frame;
    frame.type = type_of(message);
    frame.flags = flag(FrameFlag::event);
    frame.correlation = asker->correlation;
    frame.message = std::move(message);
    send(asker->client, std::move(frame));
}

void Manager::State::publish(const ShardRecord& shard, const ShardAssignment& assignment) {
    for (const ClientId id : subscribers) {
        const ClientRecord& client = clients.at(id);
        if (!may_act_on(grant(client.peer.uid), shard.owner_uid)) continue;
        ShardAssignment copy = assignment;
        copy.owner_uid = shard.owner_uid;
        copy.fds.clear();  // Descriptors go to whoever asked for them.
        tell(Asker{id, client.lifecycle.value_or(0)}, copy);
    }
}

ShardAssignment Manager::State::describe(const ShardRecord& shard, AssignmentKind kind) const {
    ShardAssignment assignment;
    assignment.kind = kind;
    assignment.shard = shard.id();
    assignment.state = shard.state;
    assignment.options = options_of(shard.spec);
    assignment.unenforced = shard.unenforced;
    assignment.shard_uid = shard.spec.uid;
    assignment.cgroup = shard.cgroup;
    assignment.init_pid = static_cast<std::uint32_t>(shard.init_pid);
    assignment.prepare_us = shard.prepare_us;
    assignment.warm = shard.is_warm;
    return assignment;
}

ShardAssignment Manager::State::list_row(const ShardRecord& shard) const {
    ShardAssignment row = describe(shard, AssignmentKind::listed);
    row.owner_uid = shard.owner_uid;
    row.profile = shard.profile;
    row.reason = shard.reason;
    row.created_us_ago = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(now - shard.asked_at).count());
    for (const ProgramId id : shard.programs) {
        if (row.programs.size() == kListedProgramsMax) break;
        row.programs.push_back(program_row(programs.at(id)));
    }
    return row;
}

void Manager::State::note(int level, std::string line) {
    actions.emplace_back(LogLine{level, std::move(line)});
}

}  // namespace shardrun::supervisor
