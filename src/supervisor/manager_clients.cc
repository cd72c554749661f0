#include <cerrno>

#include "base/fail.h"
#include "supervisor/manager_state.h"

/// Connections: who comes in, what they may send, what their end means.
namespace shardrun::supervisor {

namespace {

/// The type of the message that answers a frame.
MessageType reply_type(const Message& asked) {
    if (std::holds_alternative<ShardStatus>(asked)) return MessageType::shard_status;
    if (std::holds_alternative<ResourceAccess>(asked) ||
        std::holds_alternative<PrefetchRequest>(asked))
        return MessageType::prefetch_response;
    const auto* request = std::get_if<ResourceRequest>(&asked);
    if (request != nullptr && std::holds_alternative<ResourceRequest::Blob>(request->what))
        return MessageType::prefetch_response;
    return MessageType::shard_assignment;
}

}  // namespace

Result<void> Manager::State::admit(const PeerCredentials& peer) {
    SR_DO(check_no_drain());
    SR_DO(policy::check_connect(grant(peer.uid), use(peer.uid)));
    return policy::admit_connection(
        host, {config->supervisor.connections_max, config->supervisor.shards_max});
}

void Manager::State::on(ClientConnected& event) {
    const Result<void> admitted = admit(event.peer);
    ClientRecord& client = clients[event.client];
    client.id = event.client;
    client.peer = event.peer;
    ++use(event.peer.uid).connections;
    ++host.connections;
    if (admitted) return;
    reply_error(Asker{client.id, 0}, MessageType::shard_assignment, admitted.error());
    close(client);
}

void Manager::State::close(ClientRecord& client) {
    if (client.is_closing) return;
    client.is_closing = true;
    actions.emplace_back(CloseClient{client.id});
}

void Manager::State::on(ClientFrame& event) {
    ClientRecord* client = find_client(event.client);
    if (client == nullptr || client->is_closing) return discard(event.fds);
    const MessageType answer = reply_type(event.frame.message);
    const Asker asker{event.client, event.frame.correlation};
    const Result<void> asked = ask(*client, event);
    discard(event.fds);  // Those that were handed on are in it no longer.
    if (asked) return;
    reply_error(asker, answer, asked.error());
    if (asked.error().code == EPROTO) close(*client);
}

Result<void> Manager::State::ask(ClientRecord& client, ClientFrame& event) {
    const Asker asker{client.id, event.frame.correlation};
    if (asker.correlation == 0)
        return refuse(EPROTO,
                      "correlation: 0 is for frames nobody asked for; number requests "
                      "from 1");
    Message& message = event.frame.message;
    if (auto* request = std::get_if<ResourceRequest>(&message))
        return ask(client, asker, *request, event.fds);
    if (auto* access = std::get_if<ResourceAccess>(&message)) return ask(client, asker, *access);
    if (auto* status = std::get_if<ShardStatus>(&message)) return ask(client, asker, *status);
    if (auto* hint = std::get_if<PrefetchRequest>(&message)) return ask(client, asker, *hint);
    return refuse(EPROTO, "type: {} is sent by the manager only",
                  static_cast<int>(event.frame.type));
}

void Manager::State::on(ClientGone& event) {
    ClientRecord* client = find_client(event.client);
    if (client == nullptr) return;
    const uid_t uid = client->peer.uid;
    client->is_closing = true;  // Whatever follows sends it nothing any more.
    subscribers.erase(client->id);
    watchers.erase(client->id);
    refuse_blobs(client->blobs, kGone);
    leave_programs(*client);
    leave_shards(*client);
    leave_slice(*client);
    --use(uid).connections;
    --host.connections;
    clients.erase(event.client);
    drop_unused(uid);
}

/// Programs it started in shards of others end now; those in its own share the shard's fate.
void Manager::State::leave_programs(ClientRecord& client) {
    const std::set<ProgramId> mine = std::exchange(client.programs, {});
    for (const ProgramId id : mine) {
        ProgramRecord& program = programs.at(id);
        program.asker.reset();
        if (client.shards.contains(program.shard)) continue;
        abandon(program, kGone);
    }
}

void Manager::State::leave_shards(ClientRecord& client) {
    const std::set<ShardId> mine = std::exchange(client.shards, {});
    for (const ShardId id : mine) {
        ShardRecord& shard = shards.at(id);
        shard.asker.reset();
        // Nobody ever learned of a shard that is not ready, and a drain waits for nobody.
        const bool lingers = config->shard.linger.count() > 0 && shard.is_prepared && !is_draining;
        if (!lingers) destroy(shard, kGone);
    }
}

}  // namespace shardrun::supervisor
