#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fault_server.h"
#include "support/temp_dir.h"
#include "sys/child_program.h"

namespace shardrun::test {

/// Debian's nginx on a loopback port of its own, with a configuration and files of its own; no
/// service of the system's is touched.
class Nginx {
 public:
    enum class Speaks { http, https };
    explicit Nginx(Speaks speaks = Speaks::http);

    /// "http://127.0.0.1:PORT"
    std::string url() const;
    std::uint16_t port() const { return port_; }
    /// What it serves under "/".
    std::string root() const { return folder_.path("root"); }
    /// The certificate it shows.
    std::string certificate() const { return folder_.path("cert.pem"); }
    /// "protocol status range if-range bytes" of each request that is done with, once there are
    /// `count` of them.
    std::vector<std::string> log(std::size_t count) const;

 private:
    void reserve_port();
    void write_configuration() const;
    void start();

    TempDir folder_;
    Speaks speaks_;
    UniqueFd reserved_;
    std::uint16_t port_ = 0;
    std::unique_ptr<sys::ChildProgram> program_;
};

/// Passes connections on to a server on loopback, and cuts the first one after some bytes of its
/// answer; then, and before the client knows, calls `on_cut`.
class CuttingRelay {
 public:
    CuttingRelay(
        std::uint16_t target, std::size_t cut_after_bytes, std::function<void()> on_cut = [] {});
    CuttingRelay(const CuttingRelay&) = delete;
    CuttingRelay& operator=(const CuttingRelay&) = delete;
    ~CuttingRelay();

    std::string url() const;

 private:
    void relay_all();
    void relay(int client, std::size_t bytes_max) const;

    std::uint16_t target_;
    std::size_t cut_after_bytes_;
    std::function<void()> on_cut_;
    UniqueFd listener_;
    UniqueFd stop_;  // Readable: it ends.
    std::uint16_t port_ = 0;
    std::thread thread_;
};

}  // namespace shardrun::test
