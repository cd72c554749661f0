#include "world.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "supervisor/action_order.h"

namespace shardrun::sim {

using namespace std::chrono_literals;
using namespace supervisor;

namespace {

// Longer than the launch deadline and any simulated delay: whoever waits longer waits for ever.
constexpr auto kPatience = 60s;
constexpr int kStepsAtOneTimeMax = 8;
constexpr int kDrainConnectsMax = 30;  // Steps of a drain in which still somebody comes.
constexpr std::size_t kClientsMax = 12;

}  // namespace

World::World(std::uint64_t seed, Canary canary)
    : seed_(seed),
      canary_(canary),
      rng_(seed),
      backend_(rng_, ledger_, complaints_),
      config_(random_config()),
      manager_(config_, 0) {}

std::shared_ptr<const Config> World::random_config() {
    auto config = std::make_shared<Config>();
    config->supervisor.launch_deadline = 5s;
    config->supervisor.drain_deadline = 3s;
    config->supervisor.connections_max = 10;
    config->supervisor.shards_max = rng_.chance(20) ? 6 : 40;
    config->shard.uid_first = rng_.chance(50) ? 1000 : 1010;
    config->shard.uid_count = rng_.chance(20) ? 12 : 64;
    config->shard.linger = rng_.chance(30) ? 500ms : 0ms;
    config->shard.idle_timeout = rng_.chance(30) ? 300ms : 0ms;
    config->warm_pool.shards_max = static_cast<std::uint32_t>(rng_.below(9));
    config->warm_pool.shards_min = static_cast<std::uint32_t>(rng_.below(3));
    config->warm_pool.memory = 2s;
    if (rng_.chance(20)) config->store.path = "";
    config->seccomp_profiles["strict"] = "/etc/shardrun/strict.json";
    config->default_client.shards_max = 5;
    config->default_client.connections_max = 4;
    config->default_client.programs_max = 9;
    config->default_client.limits_max.memory_max_bytes = 256U << 20U;
    config->clients[1001].shards_max = 20;
    config->clients[1001].capabilities = {"CAP_NET_RAW"};
    config->clients[1001].seccomp_profiles = {"default", "strict"};
    config->clients[1002].is_administrator = true;
    config->clients[1003].may_connect = false;
    return config;
}

bool World::strikes() {
    if (has_struck_ || !rng_.chance(10)) return false;
    has_struck_ = true;
    return true;
}

void World::plant(std::vector<Event>& events) {
    for (std::size_t i = 0; i < events.size(); ++i) {
        const bool is_reclaim = std::holds_alternative<ShardReclaimed>(events[i]);
        const bool is_exit = std::holds_alternative<ProgramExited>(events[i]);
        const bool hits = (canary_ == Canary::reclaim_is_lost && is_reclaim) ||
                          (canary_ == Canary::exit_is_lost && is_exit);
        if (!hits || !strikes()) continue;
        events.erase(events.begin() + static_cast<std::ptrdiff_t>(i));
        return;
    }
}

void World::plant(std::vector<Action>& actions) {
    for (std::size_t i = 0; i < actions.size(); ++i) {
        Action& action = actions[i];
        const auto* frame = std::get_if<SendFrame>(&action);
        const bool is_reply = frame != nullptr && (frame->frame.flags & 1U) != 0 &&
                              frame->fds.empty() && clients_.contains(frame->client);
        const bool is_lost =
            (canary_ == Canary::descriptor_leaks && std::holds_alternative<DiscardFd>(action)) ||
            (canary_ == Canary::reply_is_lost && is_reply) ||
            (canary_ == Canary::slice_stays && std::holds_alternative<RemoveSlice>(action)) ||
            (canary_ == Canary::shard_stays && std::holds_alternative<DestroyShard>(action));
        const auto here = actions.begin() + static_cast<std::ptrdiff_t>(i);
        if (is_lost && strikes()) return void(actions.erase(here));
        if (canary_ == Canary::reply_comes_twice && is_reply && strikes())
            return void(actions.insert(here, SendFrame(*frame)));
        auto* prepare = std::get_if<PrepareShard>(&action);
        if (canary_ == Canary::uid_is_shared && prepare != nullptr && backend_.shards() > 0 &&
            strikes())
            return void(prepare->spec.uid = backend_.any_uid());
        if (canary_ == Canary::destroyed_too_soon && i > 0 &&
            std::holds_alternative<DestroyShard>(action) && exit_before(actions, i) && strikes())
            return void(std::rotate(actions.begin(), here, here + 1));
    }
}

/// Whether the shard of the DestroyShard at `i` had a program's exit told just before.
bool World::exit_before(const std::vector<Action>& actions, std::size_t i) {
    const ShardId shard = std::get<DestroyShard>(actions[i]).shard;
    return std::any_of(actions.begin(), actions.begin() + static_cast<std::ptrdiff_t>(i),
                       [&](const Action& action) {
                           const auto* frame = std::get_if<SendFrame>(&action);
                           if (frame == nullptr) return false;
                           const auto* told = std::get_if<ShardAssignment>(&frame->frame.message);
                           return told != nullptr && told->shard == shard &&
                                  told->kind == AssignmentKind::exited;
                       });
}

std::optional<std::string> World::run(unsigned steps) {
    unsigned done = 0;
    for (; done < steps && complaints_.empty(); ++done) {
        advance_time();
        step(gather());
        settle();
    }
    if (complaints_.empty()) drain();
    if (complaints_.empty()) check_end();
    totals_.shards_prepared = backend_.prepared_total();
    if (complaints_.empty()) return std::nullopt;
    return fmt::format("seed {}, step {}: {}", seed_, done, complaints_.front());
}

/// Mostly a little, now and then to the moment somebody waits for, rarely far.
void World::advance_time() {
    MonoTime then = now_ + std::chrono::microseconds(rng_.below(3000));
    if (rng_.chance(10) && backend_.next()) then = *backend_.next();
    if (rng_.chance(3) && manager_.next_deadline()) then = *manager_.next_deadline();
    if (rng_.chance(1) && rng_.chance(20)) then = now_ + 3s;
    now_ = std::max(now_, then);
}

std::vector<Event> World::gather() {
    std::vector<Event> events = backend_.advance(now_);
    std::vector<Event> from_clients;
    add_client_events(from_clients);
    let_closed_go(from_clients);
    // Sockets and the kernel are looked at in either order.
    const auto where = rng_.chance(50) ? events.begin() : events.end();
    events.insert(where, from_clients.begin(), from_clients.end());
    if (rng_.chance(1) && rng_.chance(20)) {
        config_ = random_config();
        events.emplace_back(ConfigReloaded{config_});
    }
    return events;
}

void World::add_connection(std::vector<Event>& events) {
    const ClientId id{++last_client_};
    const PeerCredentials peer{static_cast<uid_t>(rng_.chance(5) ? 0 : 1000 + rng_.below(4)), 100,
                               4321};
    clients_.emplace(id, SimClient(id, peer, complaints_));
    events.emplace_back(ClientConnected{id, peer});
}

void World::add_client_events(std::vector<Event>& events) {
    if (lets_connect_ && clients_.size() < kClientsMax && rng_.chance(clients_.empty() ? 50 : 3))
        add_connection(events);
    for (auto& [id, client] : clients_) {
        const bool is_gone = std::find(closing_.begin(), closing_.end(), id) != closing_.end();
        // What a client sends before it learns that it is closed still arrives.
        if (!is_gone && rng_.chance(8)) {
            events.emplace_back(client.ask(rng_, ledger_, shards_made_, now_));
            ++totals_.frames_sent;
        }
        if (!is_gone && rng_.chance(1) && rng_.chance(30)) closing_.push_back(id);
    }
}

/// Some connections end: by themselves at any moment, or after CloseClient.
void World::let_closed_go(std::vector<Event>& events) {
    for (auto& [id, client] : clients_)
        if (client.is_closed() && rng_.chance(30) &&
            std::find(closing_.begin(), closing_.end(), id) == closing_.end())
            closing_.push_back(id);
    for (const ClientId id : std::exchange(closing_, {})) {
        if (is_draining_ && clients_.at(id).is_closed()) clients_.at(id).check_settled();
        clients_.erase(id);
        leaving_.insert(id);
        events.emplace_back(ClientGone{id});
    }
}

void World::step(std::vector<Event> events) {
    std::vector<ProgramId> ended;
    for (const Event& event : events)
        if (const auto* exited = std::get_if<ProgramExited>(&event))
            ended.push_back(exited->program);
    plant(events);
    std::vector<Action> actions = manager_.step(now_, std::move(events));
    plant(actions);
    if (rng_.chance(50)) actions = order_actions(std::move(actions));
    for (Action& action : actions) perform(action);
    leaving_.clear();
    for (std::string& broken : manager_.broken_invariants()) complaints_.push_back(broken);
    if (ledger_.open() != 0)
        complaints_.push_back(fmt::format("{} descriptors were not handed on", ledger_.open()));
    for (auto& [id, client] : clients_) {
        client.check_patience(now_ - kPatience);
        for (const ProgramId program : ended)
            if (!client.is_closed() && client.believes_running(program))
                complaints_.push_back("a program's end is not told at once");
    }
}

/// Steps again while the manager wants to at once; it must come to rest.
void World::settle() {
    for (int again = 0; complaints_.empty(); ++again) {
        const std::optional<MonoTime> next = manager_.next_deadline();
        if (!next || *next > now_) return;
        if (again == kStepsAtOneTimeMax) return complaints_.push_back("the manager spins");
        step({});
    }
}

void World::perform(Action& action) {
    if (is_finished_) return complaints_.push_back("an action follows Finish");
    if (const auto* a = std::get_if<PrepareShard>(&action)) {
        ++shards_made_;
        backend_.prepare_shard(a->spec);
    } else if (const auto* run = std::get_if<RunProgram>(&action)) {
        backend_.run_program(run->shard, run->program);
    } else if (const auto* signal = std::get_if<SignalProgram>(&action)) {
        backend_.signal_program(signal->shard, signal->program, signal->signal_number);
    } else if (const auto* limits = std::get_if<ApplyLimits>(&action)) {
        backend_.apply_limits(limits->shard, limits->limits);
    } else if (const auto* destroy = std::get_if<DestroyShard>(&action)) {
        backend_.destroy_shard(destroy->shard);
    } else if (const auto* slice = std::get_if<RemoveSlice>(&action)) {
        backend_.remove_slice(slice->slice);
    } else if (const auto* measure = std::get_if<MeasureStatus>(&action)) {
        backend_.measure_status(measure->shard, measure->request);
    } else if (const auto* prefetch = std::get_if<PrefetchFile>(&action)) {
        backend_.prefetch_file(prefetch->shard, prefetch->request, prefetch->name);
    } else if (const auto* load = std::get_if<LoadBlob>(&action)) {
        backend_.load_blob(load->shard, load->request, load->name);
    } else if (const auto* open = std::get_if<OpenBlob>(&action)) {
        backend_.open_blob(open->request, open->name);
    } else if (const auto* frame = std::get_if<SendFrame>(&action)) {
        perform_frame(*frame);
    } else if (const auto* close = std::get_if<CloseClient>(&action)) {
        const auto client = clients_.find(close->client);
        if (client != clients_.end()) client->second.on_close();
    } else if (const auto* discard = std::get_if<DiscardFd>(&action)) {
        if (!ledger_.spend(discard->fd)) complaints_.push_back("a descriptor is discarded twice");
    } else if (std::holds_alternative<Finish>(action)) {
        is_finished_ = true;
    }
}

void World::perform_frame(const SendFrame& action) {
    ++totals_.frames_received;
    for (const shard::FdToken fd : action.fds)
        if (!ledger_.spend(fd)) complaints_.push_back("a descriptor is sent twice");
    const auto* told = std::get_if<ShardAssignment>(&action.frame.message);
    if (told != nullptr && (action.frame.flags & 1U) != 0 &&
        told->kind == AssignmentKind::started) {
        ++totals_.programs_started;
        totals_.warm += told->warm.value_or(false) ? 1U : 0U;
    }
    if (told != nullptr && told->kind == AssignmentKind::exited && !told->reason &&
        backend_.is_told_to_destroy(told->shard))
        complaints_.push_back("a shard is destroyed before its program's exit is told");
    const auto* blob = std::get_if<PrefetchResponse>(&action.frame.message);
    const bool is_event = (action.frame.flags & 8U) != 0;
    if (blob != nullptr && is_event) ++totals_.files_watched;
    if (blob != nullptr && !is_event && blob->outcome != BlobOutcome::failed) ++totals_.blobs;
    const auto client = clients_.find(action.client);
    if (client != clients_.end()) return client->second.on_frame(action);
    // One that left in this very step may still get what an earlier event gave it.
    if (!leaving_.contains(action.client)) complaints_.push_back("a frame goes to one who is gone");
}

void World::drain() {
    is_draining_ = true;
    step({DrainRequested{}});
    for (int rounds = 0; !is_finished_ && complaints_.empty(); ++rounds) {
        if (rounds > 20000) return complaints_.push_back("the drain does not end");
        std::optional<MonoTime> next = manager_.next_deadline();
        if (backend_.next()) next = std::min(next.value_or(*backend_.next()), *backend_.next());
        // Closed connections take moments to end, not for ever.
        const bool is_closing =
            std::any_of(clients_.begin(), clients_.end(),
                        [](const auto& entry) { return entry.second.is_closed(); });
        if (is_closing) next = std::min(next.value_or(now_ + 20ms), now_ + 20ms);
        if (next) now_ = std::max(now_, *next);
        lets_connect_ = rounds < kDrainConnectsMax;
        step(gather());
        settle();
    }
}

void World::check_end() {
    if (backend_.shards() != 0) complaints_.push_back("shards are left after the drain");
    if (backend_.slices() != 0) complaints_.push_back("slices are left after the drain");
    if (manager_.next_deadline()) complaints_.push_back("something is still waited for");
    if (!clients_.empty()) complaints_.push_back("clients are left after the drain");
}

}  // namespace shardrun::sim
