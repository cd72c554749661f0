#include "supervisor/server.h"

#include <signal.h>
#include <sys/epoll.h>

#include <chrono>
#include <utility>

#include "base/fail.h"
#include "base/log.h"
#include "supervisor/action_order.h"
#include "sys/unix_socket.h"

namespace shardrun::supervisor {
namespace {

ConnectionLimits limits_of(const Config& config) {
    return {.send_queue_max_bytes = std::size_t{config.supervisor.send_queue_max_kib} << 10U,
            .request_deadline = config.supervisor.request_deadline};
}

}  // namespace

Server::Server(std::shared_ptr<const Config> config, sys::EventLoop& loop, sys::FdTable& fds)
    : config_(std::move(config)),
      loop_(loop),
      fds_(fds),
      inbox_(loop),
      connections_(limits_of(*config_), loop, fds,
                   [this](Event event) { inbox_.push(std::move(event)); }),
      acceptor_(connections_, loop, config_->supervisor.connections_max) {
    connections_.set_on_gone([this] { acceptor_.on_room(); });
}

Server::~Server() {
    connections_.set_on_gone({});
    loop_.set_round_end({});
    loop_.cancel_timer(deadline_timer_);
    loop_.cancel_timer(watchdog_timer_);
    if (signals_) loop_.forget(signals_->fd());
}

void Server::start(shard::ShardBackend& backend, std::uint32_t host_unenforced) {
    SR_ASSERT(backend_ == nullptr);
    backend_ = &backend;
    manager_ = std::make_unique<Manager>(config_, host_unenforced);
    loop_.set_round_end([this] { settle(); });
    step(loop_.now());
    set_deadline();
}

Result<void> Server::listen(ServiceManager service) {
    SR_TRY(std::vector<UniqueFd> sockets, service.take_sockets());
    if (sockets.empty()) SR_DO(acceptor_.listen(config_->socket));
    for (UniqueFd& socket : sockets) SR_DO(acceptor_.adopt(std::move(socket)));
    service_ = std::move(service);
    service_.notify_ready();
    // Half of what systemd allows, as sd_watchdog_enabled(3) recommends.
    if (const auto interval = service_.watchdog_interval()) tick_watchdog(*interval / 2);
    return {};
}

void Server::tick_watchdog(std::chrono::nanoseconds interval) {
    service_.notify_watchdog();
    watchdog_timer_ =
        loop_.set_timer(loop_.now() + interval, [this, interval] { tick_watchdog(interval); });
}

Result<ClientId> Server::adopt_connection(UniqueFd socket, std::optional<PeerCredentials> peer) {
    if (!peer) {
        SR_TRY(const sys::PeerIdentity identity, sys::peer_identity(socket.get()));
        peer = PeerCredentials{identity.uid, identity.gid, identity.pid};
    }
    return connections_.add(std::move(socket), *peer);
}

Result<void> Server::handle_signals(LoadConfig load_config) {
    load_config_ = std::move(load_config);
    SR_TRY(sys::SignalFd signals, sys::SignalFd::create({SIGTERM, SIGINT, SIGHUP}));
    signals_ = std::make_unique<sys::SignalFd>(std::move(signals));
    // A log whose reader is gone must not end the supervisor.
    (void)::signal(SIGPIPE, SIG_IGN);
    return loop_.watch(signals_->fd(), EPOLLIN, [this](std::uint32_t) { on_signal(); });
}

void Server::on_signal() {
    while (const std::optional<int> signal = signals_->read()) {
        if (*signal == SIGHUP) {
            load_again();
        } else {
            drain();
        }
    }
}

void Server::load_again() {
    service_.notify_reloading();
    auto loaded = load_config_ ? load_config_() : Result<std::shared_ptr<const Config>>(config_);
    if (loaded) {
        reload(*loaded);
    } else {
        log(LogLevel::error, "{}; the configuration in force stays", loaded.error().message);
    }
    service_.notify_ready();
}

void Server::reload(const std::shared_ptr<const Config>& config) {
    if (config->socket != config_->socket)
        log(LogLevel::warning, "[socket] has changed; that takes effect at the next start");
    if (config->cgroup != config_->cgroup)
        log(LogLevel::warning, "[cgroup] has changed; that takes effect at the next start");
    if (config->store != config_->store)
        log(LogLevel::warning, "[store] has changed; that takes effect at the next start");
    // Whether there are images to ask for is the manager's to know, too: what it sees must be open.
    auto taken = std::make_shared<Config>(*config);
    taken->store = config_->store;
    config_ = std::move(taken);
    connections_.set_limits(limits_of(*config_));
    acceptor_.set_connections_max(config_->supervisor.connections_max);
    acceptor_.on_room();
    inbox_.push(ConfigReloaded{config_});
    log(LogLevel::notice, "configuration loaded again");
}

void Server::drain() {
    inbox_.push(DrainRequested{});  // A second one makes an end at once.
    if (std::exchange(is_draining_, true)) return;
    log(LogLevel::notice, "draining");
    service_.notify_stopping();
    acceptor_.stop();
}

Result<void> Server::run() {
    while (!is_finished_) SR_DO(loop_.run_once());
    return {};
}

// The end of each round of the loop: everything that happened in it, in one step.
void Server::settle() {
    const MonoTime now = loop_.now();
    connections_.collect_frames();
    const bool is_due = deadline_ && *deadline_ <= now;
    if (is_due) deadline_.reset();  // Its timer has run; the same time again needs a new one.
    if (!inbox_.is_empty() || is_due) step(now);
    // What a closing connection left behind, or a client's next frame, needs no waiting for.
    if (!inbox_.is_empty() || connections_.has_frames()) loop_.hurry();
    set_deadline();
}

void Server::step(MonoTime now) {
    perform(manager_->step(now, inbox_.take()));
}

void Server::set_deadline() {
    const std::optional<MonoTime> due = manager_->next_deadline();
    if (due == deadline_) return;
    loop_.cancel_timer(deadline_timer_);
    deadline_ = due;
    // The timer only ends the wait: the round end finds that the time has come.
    if (due) deadline_timer_ = loop_.set_timer(*due, [] {});
}

void Server::perform(std::vector<Action> actions) {
    bool is_flushed = false;
    for (Action& action : order_actions(std::move(actions))) {
        // All frames of a step stand together: one system call per client sends them.
        const bool is_frame = std::holds_alternative<SendFrame>(action);
        const bool is_program = std::holds_alternative<RunProgram>(action);
        if (!is_flushed && !is_frame && !is_program) {
            connections_.flush();
            is_flushed = true;
        }
        perform_one(action);
    }
    connections_.flush();
}

}  // namespace shardrun::supervisor
