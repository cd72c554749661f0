#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sys/unique_fd.h"

namespace shardrun::test {

/// What a request said, as far as tests ask.
struct HttpRequest {
    std::string path;
    std::string range;     ///< "bytes=5-", or empty
    std::string if_range;  ///< or empty
};

/// What the fault server does with a request.
struct HttpAnswer {
    enum class Then {
        keep,   ///< wait for the next request
        close,  ///< the connection ends in order
        reset,  ///< RST
        stall,  ///< neither sends nor closes until the client goes
        repeat  ///< the last bytes again and again until the client goes
    };
    std::string bytes;
    Then then = Then::close;
    std::chrono::milliseconds delay{0};  ///< before the first byte
};

/// A whole answer; `headers` ends each line with CR LF.
HttpAnswer answer_with(const std::string& status, const std::string& headers,
                       const std::string& body, HttpAnswer::Then then = HttpAnswer::Then::keep);
/// Says that all of `body` comes and sends the first `sent_bytes` of it.
HttpAnswer cut_answer(const std::string& body, std::size_t sent_bytes, HttpAnswer::Then then,
                      const std::string& headers = "");

/// An HTTP server on loopback that misbehaves as it is told: `decide` answers the n-th request,
/// counted from 0.
class FaultServer {
 public:
    using Decide = std::function<HttpAnswer(const HttpRequest& request, std::size_t n)>;
    explicit FaultServer(Decide decide);
    FaultServer(const FaultServer&) = delete;
    FaultServer& operator=(const FaultServer&) = delete;
    ~FaultServer();

    std::string url() const;
    std::uint16_t port() const { return port_; }
    std::vector<HttpRequest> requests() const;

 private:
    void accept_all();
    void serve(int connection);
    bool answer(int connection, const HttpRequest& request);

    Decide decide_;
    UniqueFd listener_;
    std::uint16_t port_ = 0;
    mutable std::mutex mutex_;
    std::vector<HttpRequest> requests_;
    std::vector<UniqueFd> connections_;  // Each open until its thread is done with it.
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

/// A listening socket on a loopback port that nobody else has.
struct Listener {
    UniqueFd fd;
    std::uint16_t port = 0;
};
Listener listen_on_loopback();
/// The port that the kernel chose.
std::uint16_t bind_to_loopback(int socket);

}  // namespace shardrun::test
