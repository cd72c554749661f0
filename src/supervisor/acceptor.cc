#include "supervisor/acceptor.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <chrono>
#include <utility>

#include "base/fail.h"
#include "base/log.h"
#include "sys/unix_socket.h"

namespace shardrun::supervisor {
namespace {

constexpr std::size_t kRefusedMax = 64;    // Connections beyond the limit, being told so.
constexpr int kAcceptedPerRound = 16;      // So that a storm of them starves nobody.
constexpr std::chrono::seconds kRetry{1};  // After EMFILE, in case nobody goes.

Result<void> check_listens(int fd) {
    int listens = 0;
    int domain = 0;
    socklen_t size = sizeof listens;
    if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0)
        return fail_errno("adopt listening socket {}", fd);
    size = sizeof domain;
    if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0)
        return fail_errno("adopt listening socket {}", fd);
    if (listens == 0 || domain != AF_UNIX)
        return refuse(EINVAL,
                      "adopt listening socket {}: it is no listening Unix socket; "
                      "use ListenStream= with a path in shardrun.socket",
                      fd);
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return fail_errno("adopt listening socket {}", fd);
    return {};
}

}  // namespace

Acceptor::~Acceptor() {
    stop();
}

Result<void> Acceptor::listen(const Config::Socket& config) {
    SR_TRY(sys::UnixListener listener,
           sys::UnixListener::listen({.path = config.path,
                                      .mode = config.mode,
                                      .group = config.group,
                                      .backlog = static_cast<int>(config.backlog)}));
    own_.emplace(std::move(listener));
    return watch(own_->fd());
}

Result<void> Acceptor::adopt(UniqueFd listener) {
    SR_DO(check_listens(listener.get()));
    adopted_.push_back(std::move(listener));
    return watch(adopted_.back().get());
}

Result<void> Acceptor::watch(int listener) {
    SR_DO(loop_.watch(listener, EPOLLIN, [this, listener](std::uint32_t) { on_ready(listener); }));
    watched_.push_back(listener);
    return {};
}

void Acceptor::stop() {
    for (const int listener : std::exchange(watched_, {})) loop_.forget(listener);
    loop_.cancel_timer(retry_);
    adopted_.clear();
    own_.reset();
}

void Acceptor::on_ready(int listener) {
    for (int i = 0; i < kAcceptedPerRound; ++i) {
        if (connections_.size() >= connections_max_ + kRefusedMax) return pause();
        if (!accept_one(listener)) return;
    }
}

bool Acceptor::accept_one(int listener) {
    auto accepted = sys::accept_unix(listener);
    if (accepted) {
        std::optional<UniqueFd> socket = *std::move(accepted);
        if (!socket) return false;
        admit(*std::move(socket));
        return true;
    }
    // The connection stays in the backlog and the socket readable: without a pause we would spin.
    log(LogLevel::warning, "{}; waiting until a connection ends", accepted.error().message);
    pause();
    retry_ = loop_.set_timer(loop_.now() + kRetry, [this] { on_room(); });
    return false;
}

void Acceptor::admit(UniqueFd socket) {
    const auto peer = sys::peer_identity(socket.get());
    if (!peer) return log(LogLevel::warning, "{}; closing it", peer.error().message);
    const auto added =
        connections_.add(std::move(socket), PeerCredentials{peer->uid, peer->gid, peer->pid});
    if (!added) log(LogLevel::warning, "{}; closing it", added.error().message);
}

void Acceptor::pause() {
    if (std::exchange(is_paused_, true)) return;
    for (const int listener : watched_) (void)loop_.change(listener, 0);  // It is watched.
}

void Acceptor::on_room() {
    if (!is_paused_ || connections_.size() >= connections_max_ + kRefusedMax) return;
    is_paused_ = false;
    loop_.cancel_timer(retry_);
    for (const int listener : watched_)
        if (const auto resumed = loop_.change(listener, EPOLLIN); !resumed)
            log(LogLevel::error, "accepts no more connections: {}", resumed.error().message);
}

}  // namespace shardrun::supervisor
