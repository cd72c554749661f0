#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/config.h"
#include "supervisor/connection_set.h"
#include "sys/event_loop.h"
#include "sys/unix_listener.h"

namespace shardrun::supervisor {

/// The sockets that clients connect to. Lets no more in than there is room for; the rest waits in
/// the kernel's backlog until somebody goes.
class Acceptor {
 public:
    /// `connections_max`: of the configuration. A few more are let in, to be told that it is full.
    Acceptor(ConnectionSet& connections, sys::EventLoop& loop, std::size_t connections_max)
        : connections_(connections), loop_(loop), connections_max_(connections_max) {}
    ~Acceptor();
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;

    /// Listens where the configuration says. Errors: those of UnixListener::listen.
    Result<void> listen(const Config::Socket& config);
    /// A socket that listens already, from socket activation.
    Result<void> adopt(UniqueFd listener);
    /// Accepts nothing more and gives the sockets' names free.
    void stop();

    /// Somebody went: there may be room again.
    void on_room();
    void set_connections_max(std::size_t connections_max) { connections_max_ = connections_max; }

 private:
    Result<void> watch(int listener);
    void on_ready(int listener);
    bool accept_one(int listener);
    void pause();
    void admit(UniqueFd socket);

    ConnectionSet& connections_;
    sys::EventLoop& loop_;
    std::size_t connections_max_;
    std::optional<sys::UnixListener> own_;
    std::vector<UniqueFd> adopted_;
    std::vector<int> watched_;
    bool is_paused_ = false;
    sys::TimerId retry_{};
};

}  // namespace shardrun::supervisor
