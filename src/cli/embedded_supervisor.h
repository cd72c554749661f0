#pragma once

#include <functional>
#include <memory>

#include "shard/backend.h"
#include "shardrun/client.h"
#include "shardrun/error.h"
#include "supervisor/config.h"
#include "supervisor/server.h"
#include "sys/event_loop.h"
#include "sys/fd_table.h"

namespace shardrun::cli {

/// So many uids behind the configured range are those of embedded supervisors' shards, but for the
/// first of them. Source: proc(5), /proc/sys/kernel/pid_max.
inline constexpr std::uint32_t kEmbeddedUids = 4194304;

/// The settings of a supervisor that carries one run: nothing is kept ready or lingers, and its
/// uids are ones that no other process may give to a shard; root may have all that it could take
/// anyway. `own_pid` tells embedded supervisors apart. Pure. Errors: ERANGE when no uids are left
/// behind the configured range.
Result<supervisor::Config> embedded_config(supervisor::Config config, std::uint32_t own_pid,
                                           bool best_effort);

/// What the backend needs of the settings.
shard::BackendOptions backend_options(const supervisor::Config& config);

/// The trees of the images in the configured store.
using MakeTrees = std::function<Result<std::unique_ptr<shard::TreeSource>>(
    const supervisor::Config& config, sys::EventLoop& loop)>;

/// A whole supervisor inside this process and thread, on the caller's event loop. Needs root.
class EmbeddedSupervisor {
 public:
    /// `loop` must outlive it, and `trees`, which may be null: then there are no images. Errors:
    /// those of LinuxBackend::create.
    static Result<std::unique_ptr<EmbeddedSupervisor>> start(supervisor::Config config,
                                                             sys::EventLoop& loop,
                                                             shard::TreeSource* trees);
    ~EmbeddedSupervisor();
    EmbeddedSupervisor(const EmbeddedSupervisor&) = delete;
    EmbeddedSupervisor& operator=(const EmbeddedSupervisor&) = delete;

    /// A client of it, as if it had connected to its socket.
    Result<Client> connect();

    /// Runs the loop until nothing is left of its shards. Clients should be gone.
    Result<void> finish();

 private:
    explicit EmbeddedSupervisor(sys::EventLoop& loop) : loop_(loop) {}

    sys::EventLoop& loop_;
    sys::FdTable fds_;
    std::unique_ptr<shard::LinuxBackend> backend_;  // Outlives the server that uses it.
    std::unique_ptr<supervisor::Server> server_;
};

}  // namespace shardrun::cli
