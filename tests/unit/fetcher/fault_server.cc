#include "fault_server.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <optional>

namespace shardrun::test {
namespace {

bool send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t size = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (size <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
}

void await_end(int fd) {
    std::array<char, 256> ignored{};
    while (::recv(fd, ignored.data(), ignored.size(), 0) > 0) {
    }
}

/// The close that follows sends RST.
void reset_at_close(int fd) {
    const linger now{1, 0};
    (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

std::string header(const std::string& head, const std::string& name) {
    const std::size_t begin = head.find("\r\n" + name + ": ");
    if (begin == std::string::npos) return "";
    const std::size_t value = begin + name.size() + 4;
    return head.substr(value, head.find("\r\n", value) - value);
}

std::optional<HttpRequest> receive(int fd) {
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
        char byte = 0;
        if (::recv(fd, &byte, 1, 0) != 1) return std::nullopt;
        head += byte;
    }
    const std::size_t path = head.find(' ') + 1;
    return HttpRequest{head.substr(path, head.find(' ', path) - path), header(head, "Range"),
                       header(head, "If-Range")};
}

}  // namespace

std::uint16_t bind_to_loopback(int socket) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    return ntohs(address.sin_port);
}

Listener listen_on_loopback() {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const std::uint16_t port = bind_to_loopback(fd.get());
    REQUIRE(::listen(fd.get(), 64) == 0);
    return {std::move(fd), port};
}

HttpAnswer answer_with(const std::string& status, const std::string& headers,
                       const std::string& body, HttpAnswer::Then then) {
    return {fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(),
                        headers, body),
            then};
}

HttpAnswer cut_answer(const std::string& body, std::size_t sent_bytes, HttpAnswer::Then then,
                      const std::string& headers) {
    HttpAnswer answer = answer_with("200 OK", headers, body, then);
    answer.bytes.resize(answer.bytes.size() - body.size() + sent_bytes);
    return answer;
}

FaultServer::FaultServer(Decide decide) : decide_(std::move(decide)) {
    Listener listener = listen_on_loopback();
    listener_ = std::move(listener.fd);
    port_ = listener.port;
    acceptor_ = std::thread([this] { accept_all(); });
}

FaultServer::~FaultServer() {
    (void)::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    {
        const std::lock_guard lock(mutex_);
        for (const UniqueFd& connection : connections_)
            if (connection) (void)::shutdown(connection.get(), SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
}

std::string FaultServer::url() const {
    return fmt::format("http://127.0.0.1:{}", port_);
}

std::vector<HttpRequest> FaultServer::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void FaultServer::accept_all() {
    while (true) {
        const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) return;
        const std::lock_guard lock(mutex_);
        connections_.emplace_back(fd);
        threads_.emplace_back([this, fd] { serve(fd); });
    }
}

void FaultServer::serve(int connection) {
    while (const auto request = receive(connection))
        if (!answer(connection, *request)) break;
    const std::lock_guard lock(mutex_);
    for (UniqueFd& kept : connections_)
        if (kept.get() == connection) kept.reset();
}

/// True when another request may follow.
bool FaultServer::answer(int connection, const HttpRequest& request) {
    std::size_t number = 0;
    {
        const std::lock_guard lock(mutex_);
        number = requests_.size();
        requests_.push_back(request);
    }
    const HttpAnswer answer = decide_(request, number);
    // Latency, not synchronisation: what a slow server is.
    std::this_thread::sleep_for(answer.delay);
    const bool is_sent = send_all(connection, answer.bytes);
    while (is_sent && answer.then == HttpAnswer::Then::repeat)
        if (!send_all(connection, std::string(65536, 'x'))) break;
    if (answer.then == HttpAnswer::Then::stall) await_end(connection);
    if (answer.then == HttpAnswer::Then::reset) reset_at_close(connection);
    return is_sent && answer.then == HttpAnswer::Then::keep;
}

}  // namespace shardrun::test
