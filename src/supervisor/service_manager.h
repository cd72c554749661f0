#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shardrun/error.h"
#include "shardrun/unique_fd.h"

namespace shardrun::supervisor {

/// systemd, when it started us: readiness, watchdog and socket activation through libsystemd, which
/// is loaded only then. Otherwise every call does nothing. Source: sd_notify(3), sd_listen_fds(3).
class ServiceManager {
 public:
    /// Looks at NOTIFY_SOCKET and LISTEN_FDS. Errors: ELIBACC when one of them is set and
    /// libsystemd cannot be loaded.
    static Result<ServiceManager> load();
    /// Nobody to talk to.
    static ServiceManager none();

    ServiceManager(ServiceManager&&) noexcept;
    ServiceManager& operator=(ServiceManager&&) noexcept;
    ServiceManager(const ServiceManager&) = delete;
    ServiceManager& operator=(const ServiceManager&) = delete;
    ~ServiceManager();

    /// The listening sockets that were passed to us; only the first call gives any.
    Result<std::vector<UniqueFd>> take_sockets();

    void notify_ready();
    void notify_reloading();
    void notify_stopping();
    void notify_watchdog();
    /// How often `notify_watchdog` is expected; none: never.
    std::optional<std::chrono::microseconds> watchdog_interval() const;

 private:
    struct Library;
    explicit ServiceManager(std::unique_ptr<Library> library);
    void notify(const std::string& state);

    std::unique_ptr<Library> library_;  // Null: nobody to talk to.
};

}  // namespace shardrun::supervisor
