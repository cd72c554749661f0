// What the fetcher's filter lets through, tried in a child that confines itself.
#include "fetcher/confine.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "support/temp_dir.h"
#include "sys/unique_fd.h"

namespace shardrun::fetcher {
namespace {

/// The errno value of `call` in a confined child; 0: it succeeded.
template <class Call>
int confined(Call call, std::vector<int> directories = {}, const std::string& ca_file = {}) {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        if (!confine(directories, ca_file)) ::_exit(250);
        errno = 0;
        ::_exit(call() ? 0 : errno);
    }
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

bool has_landlock() {
    return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}
bool can_open(int flags) {
    return static_cast<bool>(sys::UniqueFd(::open("/etc/passwd", flags | O_CLOEXEC, 0600)));
}
bool can_make_socket(int family, int type) {
    return static_cast<bool>(sys::UniqueFd(::socket(family, type | SOCK_CLOEXEC, 0)));
}

TEST_CASE("files are read and never written, made or emptied") {
    CHECK(confined([] { return can_open(O_RDONLY); }) == 0);
    for (const int flags : {O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC})
        CHECK(confined([&] { return can_open(flags); }) == EPERM);
    CHECK(confined([] { return ::unlink("/nonexistent/x") == 0; }) == EPERM);
    CHECK(confined([] { return ::mkdir("/nonexistent/x", 0700) == 0; }) == EPERM);
}

bool can_read(const std::string& path) {
    return static_cast<bool>(sys::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
}

TEST_CASE("only the system's places, the origins' directories and the certificates are read") {
    const test::TempDir origin;
    const test::TempDir other;
    for (const test::TempDir* folder : {&origin, &other})
        std::ofstream(folder->path("file")) << "x";
    const sys::UniqueFd directory(::open(origin.path("").c_str(), O_PATH | O_CLOEXEC));
    const std::vector<int> directories{directory.get()};
    CHECK(confined([&] { return can_read(origin.path("file")); }, directories) == 0);
    CHECK(confined([&] { return can_read(other.path("file")); }, {}, other.path("file")) == 0);
    CHECK(confined([&] { return can_read("/etc/hosts"); }) == 0);
    if (!has_landlock()) return;
    CHECK(confined([&] { return can_read(other.path("file")); }, directories) == EACCES);
    CHECK(confined([&] { return can_read("/proc/self/status"); }, directories) == EACCES);
    CHECK(confined([&] { return false; }, {}, other.path("missing")) == 250);
}

TEST_CASE("servers are reached over IP; local services are not, and nobody is served") {
    CHECK(confined([] { return can_make_socket(AF_INET, SOCK_STREAM); }) == 0);
    CHECK(confined([] { return can_make_socket(AF_INET6, SOCK_DGRAM); }) == 0);
    CHECK(confined([] { return can_make_socket(AF_UNIX, SOCK_STREAM); }) == EPERM);
    CHECK(confined([] { return can_make_socket(AF_PACKET, SOCK_RAW); }) == EPERM);
    CHECK(confined([] {
              const sys::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
              return ::listen(fd.get(), 1) == 0;
          }) == EPERM);
}

TEST_CASE("threads begin, processes and programs do not") {
    CHECK(confined([] {
              std::thread([] {}).join();
              return true;
          }) == 0);
    CHECK(confined([] { return ::fork() >= 0; }) == EPERM);
    CHECK(confined([] {
              char name[] = "true";
              char* const argv[] = {name, nullptr};
              return ::execv("/bin/true", argv) == 0;
          }) == EPERM);
}

}  // namespace
}  // namespace shardrun::fetcher
