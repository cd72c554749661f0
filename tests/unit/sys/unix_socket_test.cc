#include "sys/unix_socket.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <vector>

#include "../../support/fd_census.h"
#include "../../support/temp_dir.h"
#include "sys/send_queue.h"
#include "sys/unix_listener.h"

namespace shardrun::sys {
namespace {

std::vector<std::byte> bytes_of(const std::string& text) {
    const auto* begin = reinterpret_cast<const std::byte*>(text.data());
    return {begin, begin + text.size()};
}

UniqueFd make_event() {
    return UniqueFd(::eventfd(0, EFD_CLOEXEC));
}

bool is_same(int a, int b) {
    struct stat first {};
    struct stat second {};
    return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_ino == second.st_ino &&
           first.st_dev == second.st_dev;
}

// More descriptors than send_some lets through, as a hostile client would send them.
void send_many(int socket, std::size_t count) {
    const std::vector<int> fds(count, STDERR_FILENO);
    std::vector<char> control(CMSG_SPACE(count * sizeof(int)));
    std::byte byte{1};
    iovec part{&byte, 1};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    std::memcpy(CMSG_DATA(header), fds.data(), count * sizeof(int));
    REQUIRE(::sendmsg(socket, &message, 0) == 1);
}

TEST_CASE("bytes and descriptors arrive, the descriptors close-on-exec") {
    const auto pair = *make_socket_pair();
    std::array<int, 2> pipe{};
    REQUIRE(::pipe(pipe.data()) == 0);
    const UniqueFd reader(pipe[0]);
    const UniqueFd writer(pipe[1]);
    CHECK(send_some(pair.first.get(), bytes_of("hello"), pipe) == 5);
    std::array<std::byte, 16> buffer{};
    const auto received = receive_some(pair.second.get(), buffer);
    REQUIRE(received);
    CHECK(received->size_bytes == 5);
    REQUIRE(received->fds.size() == 2);
    CHECK(is_same(received->fds[0].get(), reader.get()));
    CHECK((::fcntl(received->fds[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("nothing to read is not the end, and the end is said") {
    auto pair = *make_socket_pair();
    std::array<std::byte, 16> buffer{};
    const auto nothing = receive_some(pair.second.get(), buffer);
    REQUIRE(nothing);
    CHECK(nothing->size_bytes == 0);
    CHECK_FALSE(nothing->is_end);
    pair.first.reset();
    const auto end = receive_some(pair.second.get(), buffer);
    REQUIRE(end);
    CHECK(end->is_end);
    CHECK(send_some(pair.second.get(), bytes_of("x")).error().code == EPIPE);
}

TEST_CASE("a batch of more descriptors than allowed is refused and every one of them closed") {
    const auto pair = *make_socket_pair();
    std::array<std::byte, 16> buffer{};
    for (const std::size_t count : {kFdsPerMessageMax, kFdsPerMessageMax + 1, std::size_t{200}}) {
        const auto before = test::fd_census();
        send_many(pair.first.get(), count);
        const auto received = receive_some(pair.second.get(), buffer);
        CHECK(received.has_value() == (count <= kFdsPerMessageMax));
        if (!received) CHECK(received.error().code == EMSGSIZE);
        if (received) CHECK(received->fds.size() == count);
        if (!received) CHECK(test::fd_census() == before);
    }
}

TEST_CASE("descriptors that do not fit into the process are refused, not silently missing") {
    const auto pair = *make_socket_pair();
    send_many(pair.first.get(), 4);
    const auto before = test::fd_census();
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    const rlimit tight{3, limit.rlim_max};  // Taken by stdio.
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
    std::array<std::byte, 16> buffer{};
    const auto received = receive_some(pair.second.get(), buffer);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    REQUIRE_FALSE(received);
    CHECK(received.error().code == EMFILE);
    CHECK(test::fd_census() == before);
}

TEST_CASE("the peer's credentials are the kernel's") {
    const auto pair = *make_socket_pair();
    const auto peer = peer_identity(pair.first.get());
    REQUIRE(peer);
    CHECK(peer->uid == ::getuid());
    CHECK(peer->gid == ::getgid());
    CHECK(peer->pid == ::getpid());
}

TEST_CASE("the peer's pidfd is given where the kernel can, and close-on-exec") {
    const auto pair = *make_socket_pair();
    const auto pidfd = peer_pidfd(pair.first.get());
    if (pidfd) CHECK((::fcntl(pidfd->get(), F_GETFD) & FD_CLOEXEC) != 0);
    if (!pidfd) CHECK(pidfd.error().code == ENOPROTOOPT);
}

TEST_CASE("a listener grants its mode, accepts, and takes its name with it") {
    const test::TempDir dir;
    const std::string path = dir.path("sub/s.sock");
    {
        const auto listener = UnixListener::listen({.path = path, .mode = 0620, .group = "0"});
        REQUIRE(listener);
        struct stat made {};
        REQUIRE(::stat(path.c_str(), &made) == 0);
        CHECK((made.st_mode & 07777) == 0620);
        CHECK(made.st_gid == 0);
        CHECK(accept_unix(listener->fd())->has_value() == false);
        const auto client = connect_unix(path);
        REQUIRE(client);
        const auto accepted = accept_unix(listener->fd());
        REQUIRE(accepted);
        REQUIRE(*accepted);
        CHECK((::fcntl((*accepted)->get(), F_GETFD) & FD_CLOEXEC) != 0);
        CHECK((::fcntl((*accepted)->get(), F_GETFL) & O_NONBLOCK) != 0);
    }
    CHECK(connect_unix(path).error().code == ENOENT);
    CHECK(std::filesystem::is_empty(dir.path("sub")));
}

TEST_CASE("a path that is served is not taken over, by one of ours or by another program") {
    const test::TempDir dir;
    const std::string path = dir.path("s.sock");
    const auto first = UnixListener::listen({.path = path});
    REQUIRE(first);
    CHECK(UnixListener::listen({.path = path}).error().code == EADDRINUSE);
    REQUIRE(connect_unix(path));
    // Another program holds no lock of ours.
    REQUIRE(::unlink((path + ".lock").c_str()) == 0);
    CHECK(UnixListener::listen({.path = path}).error().code == EADDRINUSE);
    CHECK(connect_unix(path));
}

TEST_CASE("a dead socket is replaced, anything else stays where it is") {
    const test::TempDir dir;
    const std::string path = dir.path("s.sock");
    {
        const auto dead = UnixListener::listen({.path = path});
        REQUIRE(dead);
        std::filesystem::rename(path, dir.path("kept"));
    }
    std::filesystem::rename(dir.path("kept"), path);
    CHECK(connect_unix(path).error().code == ECONNREFUSED);
    CHECK(UnixListener::listen({.path = path}));
    std::ofstream(dir.path("file")) << "precious";
    CHECK(UnixListener::listen({.path = dir.path("file")}).error().code == ENOTSOCK);
    CHECK(std::filesystem::file_size(dir.path("file")) == 8);
    std::filesystem::create_symlink(path, dir.path("link"));
    CHECK(UnixListener::listen({.path = dir.path("link")}).error().code == ENOTSOCK);
}

TEST_CASE("an unknown group and a path that is too long are refused with the thing named") {
    const test::TempDir dir;
    const auto group = UnixListener::listen({.path = dir.path("s"), .group = "no-such-group"});
    CHECK(group.error().message == "socket.group: no group is called 'no-such-group'");
    CHECK_FALSE(std::filesystem::exists(dir.path("s")));
    const std::string longest(107 - dir.path("").size(), 'x');
    CHECK(UnixListener::listen({.path = dir.path(longest)}));
    CHECK(UnixListener::listen({.path = dir.path(longest + "x")}).error().code == ENAMETOOLONG);
    CHECK(connect_unix(dir.path(longest + "x")).error().code == ENAMETOOLONG);
}

TEST_CASE("a send queue keeps the order of bytes, and descriptors stay with their first byte") {
    const auto pair = *make_socket_pair();
    SendQueue queue;
    const UniqueFd event = make_event();
    queue.push(bytes_of("aa"), {});
    queue.push(bytes_of("bb"), {});
    std::vector<UniqueFd> fds;
    fds.emplace_back(::fcntl(event.get(), F_DUPFD_CLOEXEC, 0));
    queue.push(bytes_of("cc"), std::move(fds));
    CHECK(queue.size_bytes() == 6);
    CHECK(queue.fd_count() == 1);
    CHECK(queue.flush(pair.first.get()) == 6);
    CHECK(queue.is_empty());
    CHECK(queue.fd_count() == 0);
    std::array<std::byte, 4> buffer{};  // Exactly what stands before the descriptor.
    const auto before = receive_some(pair.second.get(), buffer);
    REQUIRE(before);
    CHECK(before->fds.empty());
    const auto with = receive_some(pair.second.get(), buffer);
    REQUIRE(with);
    CHECK(with->size_bytes == 2);
    CHECK(with->fds.size() == 1);
}

TEST_CASE("a full socket takes a part, and the rest follows when there is room") {
    const auto pair = *make_socket_pair();
    SendQueue queue;
    std::vector<std::byte> sent(std::size_t{3} << 20U);
    for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::byte>(i % 251);
    queue.push(sent, {});
    std::vector<std::byte> received;
    std::vector<std::byte> buffer(100'000);
    while (received.size() < sent.size()) {
        REQUIRE(queue.flush(pair.first.get()));
        const auto part = receive_some(pair.second.get(), buffer);
        REQUIRE(part);
        REQUIRE(part->size_bytes > 0);
        received.insert(received.end(), buffer.begin(),
                        buffer.begin() + static_cast<std::ptrdiff_t>(part->size_bytes));
    }
    CHECK(received == sent);
    CHECK(queue.is_empty());
}

}  // namespace
}  // namespace shardrun::sys
