#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "shard/backend_events.h"
#include "shard/spec.h"
#include "shardrun/error.h"
#include "supervisor/acceptor.h"
#include "supervisor/config.h"
#include "supervisor/connection_set.h"
#include "supervisor/event_inbox.h"
#include "supervisor/manager.h"
#include "supervisor/service_manager.h"
#include "sys/event_loop.h"
#include "sys/fd_table.h"
#include "sys/signal_fd.h"

namespace shardrun::supervisor {

/// The thin shell around the Manager: turns sockets, signals, time and the backend's outcomes into
/// its events, and performs its actions. Lives on one EventLoop, whose round end is the Server's:
/// whoever runs the loop runs the Server.
///
///     Server server(config, *loop, fds);
///     SR_TRY(auto backend, shard::LinuxBackend::create(options, *loop, fds, server.listener()));
///     SR_DO(server.start(*backend, backend->unenforced()));
///     SR_DO(server.listen());     // and, or: server.adopt_connection(socket)
///     SR_DO(server.run());        // or: loop->run_once() until server.is_finished()
class Server {
 public:
    /// Reads the configuration again; an Error leaves the old one in force.
    using LoadConfig = std::function<Result<std::shared_ptr<const Config>>()>;

    /// `loop` and `fds` must outlive it.
    Server(std::shared_ptr<const Config> config, sys::EventLoop& loop, sys::FdTable& fds);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Where the backend reports its outcomes.
    shard::BackendListener& listener() { return inbox_; }

    /// Begins to manage. `backend` must outlive the Server; `host_unenforced`: Controller bits.
    void start(shard::ShardBackend& backend, std::uint32_t host_unenforced);

    /// Lets clients in: through the sockets that systemd passed, else where the configuration says;
    /// then tells systemd that it serves. After `start`. Errors: see Acceptor.
    Result<void> listen(ServiceManager service = ServiceManager::none());

    /// A client over a connected socket, as of an embedded supervisor. Without `peer` the kernel
    /// says who it is.
    Result<ClientId> adopt_connection(UniqueFd socket,
                                      std::optional<PeerCredentials> peer = std::nullopt);

    /// SIGTERM and SIGINT drain, SIGHUP loads the configuration again; all of them only arrive here
    /// as long as the Server lives. Ignores SIGPIPE.
    Result<void> handle_signals(LoadConfig load_config);

    /// Lets no more clients in, asks the programs to end, gives all back. Ends in `is_finished`.
    void drain();
    /// Takes a new configuration into use; what is fixed at the start stays, with a warning.
    void reload(const std::shared_ptr<const Config>& config);

    /// A drain is complete: nothing is left.
    bool is_finished() const { return is_finished_; }

    /// Runs the loop until `is_finished`. Errors: the loop's own.
    Result<void> run();

    /// To look at; null before `start`.
    const Manager* manager() const { return manager_.get(); }
    std::size_t connection_count() const { return connections_.size(); }

 private:
    void settle();
    void step(MonoTime now);
    void set_deadline();
    void on_signal();
    void load_again();
    void tick_watchdog(std::chrono::nanoseconds interval);

    void perform(std::vector<Action> actions);
    void perform_one(Action& action);

    std::shared_ptr<const Config> config_;
    sys::EventLoop& loop_;
    sys::FdTable& fds_;
    EventInbox inbox_;
    ConnectionSet connections_;
    Acceptor acceptor_;  // Goes before the connections that it adds to.
    std::unique_ptr<Manager> manager_;
    shard::ShardBackend* backend_ = nullptr;
    ServiceManager service_ = ServiceManager::none();
    std::unique_ptr<sys::SignalFd> signals_;
    LoadConfig load_config_;
    sys::TimerId deadline_timer_{};
    std::optional<MonoTime> deadline_;
    sys::TimerId watchdog_timer_{};
    bool is_draining_ = false;
    bool is_finished_ = false;
};

}  // namespace shardrun::supervisor
