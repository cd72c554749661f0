#pragma once

#include <sys/types.h>

#include <string>

#include "shardrun/client.h"

namespace shardrun::bench {

/// How one of the supervisors under test differs from the others.
struct SupervisorKind {
    std::string name;           ///< of its cgroup and its folder
    unsigned warm_shards = 0;   ///< kept prepared; 0: no pool at all
    unsigned extra_mounts = 0;  ///< on the host that it sees
    unsigned ballast_mib = 0;   ///< memory that it holds besides
};

/// A real `shardrun serve` with a socket and a cgroup of its own. Ended by the destructor.
class SupervisorProcess {
 public:
    /// Starts it and waits until it listens. `folder`: for its files.
    static Result<SupervisorProcess> start(const std::string& shardrun, const std::string& folder,
                                           const SupervisorKind& kind);
    ~SupervisorProcess();
    SupervisorProcess(SupervisorProcess&& other) noexcept;
    SupervisorProcess& operator=(SupervisorProcess&&) = delete;
    SupervisorProcess(const SupervisorProcess&) = delete;
    SupervisorProcess& operator=(const SupervisorProcess&) = delete;

    pid_t pid() const { return pid_; }
    const std::string& socket() const { return socket_; }
    /// Its cgroup, which holds all of its shards.
    const std::string& cgroup() const { return cgroup_; }
    Result<Client> connect() const { return Client::connect(socket_); }

 private:
    SupervisorProcess() = default;

    pid_t pid_ = -1;
    std::string socket_;
    std::string cgroup_;
};

/// What SupervisorProcess runs when memory has to be held: takes it, then is `shardrun serve`.
int serve_with_ballast(const std::string& config, unsigned ballast_mib);

}  // namespace shardrun::bench
