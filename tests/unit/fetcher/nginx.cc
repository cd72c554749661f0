#include "nginx.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>

#include "world.h"

namespace shardrun::test {
namespace {

constexpr const char* kConfiguration = R"(
{user}
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    log_format said '$server_protocol $status "$http_range" "$http_if_range" $body_bytes_sent';
    access_log {folder}/access.log said;
    client_body_temp_path {folder}/temp; proxy_temp_path {folder}/temp; fastcgi_temp_path {folder}/temp;
    uwsgi_temp_path {folder}/temp; scgi_temp_path {folder}/temp;
    keepalive_timeout 60s;
    server {{
        listen 127.0.0.1:{port} reuseport{tls};
        root {folder}/root;
        location /slow/ {{ alias {folder}/root/; limit_rate 60k; }}
        location /broken/ {{ return 500; }}
        location /moved/ {{ rewrite ^/moved/(.*)$ /$1 redirect; }}
        location /secret/ {{ deny all; }}
        location /whole/ {{ alias {folder}/root/; max_ranges 0; }}
    }}
}}
)";

std::string tls_of(const TempDir& folder) {
    return fmt::format(" ssl http2;\n        ssl_certificate {};\n        ssl_certificate_key {}",
                       folder.path("cert.pem"), folder.path("key.pem"));
}

void run(std::vector<std::string> argv) {
    const std::string program = argv.front();
    auto child = must(sys::ChildProgram::start(program, std::move(argv), {}, false));
    REQUIRE(must(child.wait()) == "");
}

UniqueFd connect_to(std::uint16_t port) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return {};
    return fd;
}

}  // namespace

Nginx::Nginx(Speaks speaks) : speaks_(speaks) {
    reserve_port();
    REQUIRE(::mkdir(root().c_str(), 0755) == 0);
    if (speaks == Speaks::https)
        run({"/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", folder_.path("key.pem"), "-out", certificate()});
    write_configuration();
    start();
}

/// Bound and not listening: it keeps the port for nginx, whose socket may share it, and takes no
/// connection away from it.
void Nginx::reserve_port() {
    const int one = 1;
    reserved_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::setsockopt(reserved_.get(), SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) == 0);
    port_ = bind_to_loopback(reserved_.get());
}

void Nginx::write_configuration() const {
    std::ofstream file(folder_.path("nginx.conf"));
    file << fmt::format(fmt::runtime(kConfiguration),
                        fmt::arg("user", ::geteuid() == 0 ? "user root;" : ""),
                        fmt::arg("folder", folder_.path(".")), fmt::arg("port", port_),
                        fmt::arg("tls", speaks_ == Speaks::https ? tls_of(folder_) : ""));
    REQUIRE(file.good());
}

void Nginx::start() {
    const char* const program = std::getenv("NGINX");
    REQUIRE(program != nullptr);
    program_ = std::make_unique<sys::ChildProgram>(must(sys::ChildProgram::start(
        program, {"nginx", "-c", folder_.path("nginx.conf"), "-e", folder_.path("error.log")}, {},
        true)));
    for (int tries = 0; tries < 4000; ++tries) {
        if (connect_to(port_)) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL("nginx does not listen");
}

std::string Nginx::url() const {
    return fmt::format("{}://127.0.0.1:{}", speaks_ == Speaks::https ? "https" : "http", port_);
}

std::vector<std::string> Nginx::log(std::size_t count) const {
    // It writes a line after the last byte of the answer.
    for (int tries = 0; tries < 2000; ++tries) {
        std::ifstream file(folder_.path("access.log"));
        std::vector<std::string> lines;
        for (std::string line; std::getline(file, line);) lines.push_back(line);
        if (lines.size() >= count) return lines;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL("nginx has not logged " << count << " requests");
    return {};
}

CuttingRelay::CuttingRelay(std::uint16_t target, std::size_t cut_after_bytes,
                           std::function<void()> on_cut)
    : target_(target),
      cut_after_bytes_(cut_after_bytes),
      on_cut_(std::move(on_cut)),
      stop_(::eventfd(0, EFD_CLOEXEC)) {
    Listener listener = listen_on_loopback();
    listener_ = std::move(listener.fd);
    port_ = listener.port;
    thread_ = std::thread([this] { relay_all(); });
}

CuttingRelay::~CuttingRelay() {
    const std::uint64_t one = 1;
    (void)!::write(stop_.get(), &one, sizeof one);
    (void)::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
}

std::string CuttingRelay::url() const {
    return fmt::format("http://127.0.0.1:{}", port_);
}

/// One connection after the other: the next one comes when the first is cut.
void CuttingRelay::relay_all() {
    for (std::size_t bytes_max = cut_after_bytes_;; bytes_max = ~std::size_t{0}) {
        const UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!client) return;
        relay(client.get(), bytes_max);
        if (bytes_max == cut_after_bytes_) on_cut_();
    }
}

void CuttingRelay::relay(int client, std::size_t bytes_max) const {
    const UniqueFd server = connect_to(target_);
    std::array<char, 4096> buffer{};
    while (bytes_max > 0) {
        std::array<pollfd, 3> ready{
            {{client, POLLIN, 0}, {server.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
        if (::poll(ready.data(), ready.size(), -1) < 0 || ready[2].revents != 0) return;
        const bool is_request = ready[0].revents != 0;
        const std::size_t room = is_request ? buffer.size() : std::min(buffer.size(), bytes_max);
        const ssize_t size = ::recv(is_request ? client : server.get(), buffer.data(), room, 0);
        if (size <= 0) return;
        const auto count = static_cast<std::size_t>(size);
        const int to = is_request ? server.get() : client;
        if (::send(to, buffer.data(), count, MSG_NOSIGNAL) != size) return;
        if (!is_request) bytes_max -= count;
    }
}

}  // namespace shardrun::test
