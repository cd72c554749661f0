#include "supervisor/manager.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/fail.h"
#include "supervisor/manager_state.h"
#include "supervisor/wishes.h"

namespace shardrun::supervisor {

Manager::Manager(std::shared_ptr<const Config> config, std::uint32_t host_unenforced)
    : state_(std::make_unique<State>(std::move(config), host_unenforced)) {}
Manager::~Manager() = default;
Manager::Manager(Manager&&) noexcept = default;
Manager& Manager::operator=(Manager&&) noexcept = default;

std::vector<Action> Manager::step(MonoTime now, std::vector<Event> events) {
    return state_->step(now, std::move(events));
}
std::optional<MonoTime> Manager::next_deadline() const {
    return state_->next_deadline();
}
std::vector<std::string> Manager::broken_invariants() const {
    return state_->broken_invariants();
}

Manager::State::State(std::shared_ptr<const Config> configuration, std::uint32_t host_lacks)
    : config(std::move(configuration)),
      host_unenforced(host_lacks),
      uids(config->shard.uid_first, config->shard.uid_count),
      pool(config->warm_pool) {
    watch_default_kind();
    if (config->warm_pool.shards_min > 0) pool_at = MonoTime{};
}

std::vector<Action> Manager::State::step(MonoTime at, std::vector<Event> events) {
    now = std::max(now, at);
    // What made the pool due must not delay the frames of the same step.
    const bool is_pool_due = pool_at && *pool_at <= now;
    for (Event& event : events) std::visit([this](auto& each) { on(each); }, event);
    while (const std::optional<Timer> timer = timers.take_due(now)) on_timer(*timer);
    if (is_pool_due) tend_pool();
    finish_if_done();
    return std::exchange(actions, {});
}

std::optional<MonoTime> Manager::State::next_deadline() const {
    if (is_finished) return std::nullopt;
    const std::optional<MonoTime> next = timers.next();
    if (!pool_at || !next) return pool_at ? pool_at : next;
    return std::min(*pool_at, *next);
}

void Manager::State::on_timer(const Timer& timer) {
    switch (timer.kind) {
        case TimerKind::prepare:
            return fail_shard(
                shards.at(ShardId{timer.id}),
                Error{ETIMEDOUT,
                      fmt::format("shard {}: was not ready in {} ms "
                                  "(supervisor.launch_deadline_ms)",
                                  timer.id, config->supervisor.launch_deadline.count())});
        case TimerKind::launch:
            return on_launch_overdue(programs.at(ProgramId{timer.id}));
        case TimerKind::idle:
            return destroy(
                shards.at(ShardId{timer.id}),
                Error{ETIMEDOUT, fmt::format("shard {}: had no program for {} ms "
                                             "(shard.idle_timeout_ms)",
                                             timer.id, config->shard.idle_timeout.count())});
        case TimerKind::linger:
            return on_linger_over(shard::SliceId{timer.id});
        case TimerKind::drain:
            return destroy_all();
        case TimerKind::goodbye:
            goodbye_by.reset();
            is_finished = true;
            note(3, fmt::format("drain: gave up with {} shards and {} clients left", shards.size(),
                                clients.size()));
            actions.emplace_back(Finish{});
            return;
    }
}

void Manager::State::on(ConfigReloaded& event) {
    // Parked shards were made of the old configuration, and a profile's file may have changed too.
    empty_pool(Error{ECANCELED, "the configuration was reloaded"});
    config = std::move(event.config);
    uids.change(config->shard.uid_first, config->shard.uid_count);
    pool.set_config(config->warm_pool);
    watch_default_kind();
    if (!is_draining) pool_at = now;
}

policy::Grant Manager::State::grant(uid_t uid) const {
    return grant_of(*config, uid);
}

ClientRecord* Manager::State::find_client(ClientId id) {
    const auto found = clients.find(id);
    return found == clients.end() ? nullptr : &found->second;
}

ShardRecord* Manager::State::find_record(ShardId id) {
    const auto found = shards.find(id);
    return found == shards.end() ? nullptr : &found->second;
}

void Manager::State::drop_unused(uid_t uid) {
    const auto found = uses.find(uid);
    if (found == uses.end()) return;
    if (found->second == policy::UidUse{}) uses.erase(found);
}

std::vector<ShardId> Manager::State::all_shards() const {
    std::vector<ShardId> ids;
    ids.reserve(shards.size());
    for (const auto& [id, shard] : shards) ids.push_back(id);
    std::sort(ids.begin(), ids.end());
    return ids;
}

}  // namespace shardrun::supervisor
