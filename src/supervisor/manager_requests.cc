#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "base/fail.h"
#include "supervisor/manager_state.h"
#include "supervisor/wishes.h"

/// Sessions, new shards and programs. Every `ask` either answers (now or later) or returns the
/// Error that is the answer; descriptors it leaves in `fds` are discarded by its caller.
namespace shardrun::supervisor {

namespace {

constexpr std::size_t kProfileNameMax = 128;

Result<void> check_profile_name(std::string_view name) {
    const auto is_graphic = [](char c) { return c > ' ' && c < '\x7f' && c != '/'; };
    if (!name.empty() && name.size() <= kProfileNameMax &&
        std::all_of(name.begin(), name.end(), is_graphic))
        return {};
    return refuse(EINVAL, "profile: 1 to {} visible ASCII characters but '/' make a name",
                  kProfileNameMax);
}

}  // namespace

Result<void> Manager::State::check_no_drain() const {
    if (!is_draining) return {};
    return refuse(ESHUTDOWN, "the supervisor is shutting down and takes no new work");
}

std::uint32_t Manager::State::missing_controllers() const {
    return config->cgroup.controllers == ControllerPolicy::require ? host_unenforced : 0;
}

Result<ShardRecord*> Manager::State::find_shard(const ClientRecord& client, ShardId id) {
    ShardRecord* shard = find_record(id);
    // Those of other uids and those that never were look alike: nothing to learn from asking.
    if (shard != nullptr && !shard->is_parked &&
        may_act_on(grant(client.peer.uid), shard->owner_uid))
        return shard;
    return refuse(ENOENT, "shard {}: uid {} has none of that number; a listing shows those it has",
                  static_cast<std::uint64_t>(id), client.peer.uid);
}

Result<ShardRecord*> Manager::State::find_living(const ClientRecord& client, ShardId id) {
    SR_TRY(ShardRecord * shard, find_shard(client, id));
    if (!shard->is_destroying && shard->state != ShardState::draining) return shard;
    return refuse(ESHUTDOWN, "shard {}: is being reclaimed; ask for a new one",
                  static_cast<std::uint64_t>(id));
}

Result<void> Manager::State::ask(ClientRecord& client, Asker asker, ResourceRequest& request,
                                 Fds& fds) {
    if (auto* run = std::get_if<ResourceRequest::Run>(&request.what)) {
        client.has_asked = true;
        return ask(client, asker, *run, fds);
    }
    if (auto* session = std::get_if<ResourceRequest::Session>(&request.what))
        return ask(client, asker, *session);
    client.has_asked = true;
    return std::visit(
        [&](auto& what) -> Result<void> {
            using What = std::decay_t<decltype(what)>;
            if constexpr (std::is_same_v<What, ResourceRequest::Run> ||
                          std::is_same_v<What, ResourceRequest::Session>)
                return {};
            else
                return ask(client, asker, what);
        },
        request.what);
}

Result<void> Manager::State::ask(ClientRecord& client, Asker asker,
                                 ResourceRequest::Session& session) {
    if (client.has_asked)
        return refuse(EINVAL, "session: '{}' is in use already; name it with the first request",
                      client.profile);
    SR_DO(check_profile_name(session.profile));
    client.has_asked = true;
    client.profile = std::move(session.profile);
    ShardAssignment opened;
    opened.kind = AssignmentKind::session;
    opened.profile = client.profile;
    opened.owner_uid = client.peer.uid;
    reply(asker, std::move(opened));
    return {};
}

Result<void> Manager::State::ask(ClientRecord& client, Asker asker,
                                 ResourceRequest::NewShard& wish) {
    SR_DO(check_no_drain());
    SR_TRY(shard::ShardSpec spec,
           check_shard(*config, grant(client.peer.uid), wish.options, missing_controllers()));
    // It lives on, so programs will follow one another: the next runner waits in it.
    spec.keeps_spare = true;
    SR_TRY(ShardRecord * shard, place(client, asker, std::move(spec), false));
    if (!shard->is_prepared) return {};
    shard->is_answered = true;
    const ShardAssignment assigned = describe(*shard, AssignmentKind::assigned);
    reply(asker, assigned);
    publish(*shard, assigned);
    return {};
}

Result<void> Manager::State::ask(ClientRecord& client, Asker asker, ResourceRequest::Run& run,
                                 Fds& fds) {
    SR_DO(check_no_drain());
    SR_DO(policy::check_new_program(grant(client.peer.uid), use(client.peer.uid)));
    if (!run.shard) return run_in_new_shard(client, asker, run, fds);
    SR_TRY(ShardRecord * shard, find_living(client, *run.shard));
    return run_in(client, asker, *shard, run, fds);
}

Result<void> Manager::State::run_in_new_shard(ClientRecord& client, Asker asker,
                                              ResourceRequest::Run& run, Fds& fds) {
    SR_TRY(shard::ShardSpec spec,
           check_shard(*config, grant(client.peer.uid), run.options, missing_controllers()));
    SR_TRY(shard::ProgramSpec program,
           check_program(std::move(run.program), fds.size(), spec.limits));
    SR_TRY(ShardRecord * shard, place(client, asker, std::move(spec), true));
    if (shard->is_prepared && !subscribers.empty())
        publish(*shard, describe(*shard, AssignmentKind::assigned));
    start_program(client, asker, *shard, std::move(program), fds);
    return {};
}

Result<void> Manager::State::run_in(ClientRecord& client, Asker asker, ShardRecord& shard,
                                    ResourceRequest::Run& run, Fds& fds) {
    SR_TRY(shard::ProgramSpec program,
           check_program(std::move(run.program), fds.size(), shard.spec.limits));
    start_program(client, asker, shard, std::move(program), fds);
    return {};
}

}  // namespace shardrun::supervisor
