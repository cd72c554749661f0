#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <sstream>

#include "privileged/needs.h"
#include "privileged/testbed.h"

namespace shardrun::test {

const Needs kNeeds{};

namespace {

std::string shell(Client& client, const std::string& script) {
    return output_of(client, in_new_shard({"sh", "-c", script}));
}

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream stream(text);
    return {std::istream_iterator<std::string>(stream), {}};
}

std::string host_namespace(const std::string& kind) {
    return std::filesystem::read_symlink("/proc/self/ns/" + kind);
}

}  // namespace

TEST_CASE("each namespace of a shard is its own: not the host's and not another shard's") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    for (const std::string kind : {"mnt", "pid", "net", "ipc", "uts", "cgroup"}) {
        const std::string script = "readlink /proc/self/ns/" + kind;
        const std::string first = words_of(shell(client, script + "; sleep 0")).at(0);
        Program second(client, in_new_shard({"sh", "-c", script + "; sleep 600"}));
        Program third(client, in_new_shard({"sh", "-c", script}));
        const std::string second_name = second.read_line();
        CHECK_MESSAGE(first.starts_with(kind + ":["), first);
        CHECK_MESSAGE(first != host_namespace(kind), kind);
        CHECK_MESSAGE(second_name != host_namespace(kind), kind);
        CHECK_MESSAGE(second_name != third.read_line(), kind);
    }
}

TEST_CASE("the user namespace is the host's unless the configuration asks for one") {
    const char* script = "readlink /proc/self/ns/user";
    {
        const Testbed bed(Controllers::best_effort);
        Client client = bed.connect();
        CHECK(shell(client, script) == host_namespace("user") + "\n");
    }
    const Testbed bed(Controllers::best_effort, "user_namespace = true\n");
    Client client = bed.connect();
    const std::string name = shell(client, script);
    CHECK(name.starts_with("user:["));
    CHECK(name != host_namespace("user") + "\n");
}

TEST_CASE("a program sees the processes of its shard and no others") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    const std::string output = shell(client, "for p in /proc/[0-9]*; do echo ${p#/proc/}; done");
    const std::vector<std::string> pids = words_of(output);
    CHECK(pids.size() >= 1);
    CHECK(pids.size() <= 4);
    for (const std::string& pid : pids) CHECK(std::stol(pid) < 100);
}

TEST_CASE("a program cannot signal a process of the host") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    const std::string script = fmt::format("kill -0 {} 2> /dev/null || echo no", bed.pid());
    CHECK(shell(client, script) == "no\n");
}

TEST_CASE("the network is a loopback that is up, and nothing else") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    CHECK(shell(client, "sed -n 's/^ *\\([a-z0-9]*\\):.*/\\1/p' /proc/net/dev") == "lo\n");
    const std::string code =
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "client = socket.create_connection(server.getsockname(), 5)\n"
        "print('connected')\n"
        "try:\n"
        "    socket.create_connection(('192.0.2.1', 9), 5)\n"
        "except OSError as error:\n"
        "    print(error.strerror)\n";
    CHECK(output_of(client, in_new_shard({"python3", "-c", code})) ==
          "connected\nNetwork is unreachable\n");
}

TEST_CASE("an abstract socket of the host cannot be reached") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = fmt::format("shardrun-test-{}", ::getpid());
    name.copy(address.sun_path + 1, sizeof(address.sun_path) - 1);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    REQUIRE(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    const std::string code = fmt::format(
        "import socket\n"
        "try:\n"
        "    socket.socket(socket.AF_UNIX).connect('\\0{}')\n"
        "    print('connected')\n"
        "except OSError as error:\n"
        "    print(error.strerror)\n",
        name);
    CHECK(output_of(client, in_new_shard({"python3", "-c", code})) == "Connection refused\n");
}

TEST_CASE("System V shared memory of the host is not there") {
    const int segment = ::shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    REQUIRE(segment >= 0);
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    const std::string rows = shell(client, "tail -n +2 /proc/sysvipc/shm 2> /dev/null || true");
    CHECK(rows.empty());
    CHECK(::shmctl(segment, IPC_RMID, nullptr) == 0);
}

TEST_CASE("the host name is the configured one and the host's stays as it was") {
    char before[256] = {};
    REQUIRE(::gethostname(before, sizeof(before) - 1) == 0);
    const Testbed bed(Controllers::best_effort, "hostname = \"my-shard\"\n");
    Client client = bed.connect();
    CHECK(shell(client, "cat /proc/sys/kernel/hostname") == "my-shard\n");
    char after[256] = {};
    REQUIRE(::gethostname(after, sizeof(after) - 1) == 0);
    CHECK(std::string(before) == after);
}

TEST_CASE("the root of a cgroup namespace hides where the shard's cgroup lies") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    CHECK(shell(client, "grep '^0:' /proc/self/cgroup") == "0::/\n");
}

TEST_CASE("the host's files are read-only, and its folders outside the list are not there") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    CHECK(shell(client, "touch /usr/x 2> /dev/null || echo no") == "no\n");
    CHECK(shell(client, "touch /x 2> /dev/null || echo no") == "no\n");
    CHECK(shell(client, "ls -d /home /boot /srv /root/* /sys/fs/cgroup/* 2> /dev/null || true")
              .empty());
    CHECK(shell(client, "ls -A /tmp /run") == "/run:\ngroup\npasswd\n\n/tmp:\n");
}

TEST_CASE("no mount of the host is in the shard's table but those that are meant to be seen") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    const std::string table = shell(client, "cut -d' ' -f5 /proc/self/mountinfo");
    for (const std::string& target : words_of(table)) {
        const bool known = target == "/" || target.starts_with("/usr") ||
                           target.starts_with("/proc") || target.starts_with("/sys") ||
                           target.starts_with("/dev") || target.starts_with("/etc") ||
                           target == "/tmp" || target == "/run" || target == "/blobs" ||
                           bed.hog().starts_with(target);
        CHECK_MESSAGE(known, target);
    }
}

TEST_CASE("a mount made on the host afterwards does not appear in the shard") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    Program program(client,
                    in_new_shard({"sh", "-c", "echo ready; sleep 1; cat /proc/self/mountinfo"}));
    REQUIRE(program.read_line() == "ready");
    const std::string target = std::filesystem::temp_directory_path() / "late-mount";
    std::filesystem::create_directory(target);
    const std::string command = "mount -t tmpfs late-mount " + target;
    REQUIRE(std::system(command.c_str()) == 0);
    const std::string table = program.read_all();
    CHECK(!table.empty());
    CHECK(table.find("late-mount") == std::string::npos);
    REQUIRE(std::system(("umount " + target).c_str()) == 0);
    std::filesystem::remove(target);
}

TEST_CASE("two shards run under two uids of the configured range, with no capability") {
    const Testbed bed(Controllers::best_effort, "uid_first = 1700000000\nuid_count = 64\n");
    Client client = bed.connect();
    const char* script =
        "id -u; id -g; id -G; sed -n 's/^Cap...:\\t//p' /proc/self/status | sort -u; sed -n "
        "'s/^NoNewPrivs:\\t//p; s/^Seccomp:\\t//p' /proc/self/status; sleep 600";
    Program first(client, in_new_shard({"sh", "-c", script}));
    Program second(client, in_new_shard({"sh", "-c", script}));
    std::set<std::string> uids;
    for (Program* program : {&first, &second}) {
        const std::string uid = program->read_line();
        CHECK(std::stol(uid) >= 1700000000);
        CHECK(std::stol(uid) < 1700000064);
        CHECK(program->read_line() == uid);
        CHECK(program->read_line() == uid);
        CHECK(program->read_line() == "0000000000000000");
        CHECK(program->read_line() == "1");
        CHECK(program->read_line() == "2");
        uids.insert(uid);
    }
    CHECK(uids.size() == 2);
}

TEST_CASE("a program has its three standard descriptors and no other") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    const std::string code =
        "import os\n"
        "for fd in range(0, 4096):\n"
        "    try:\n"
        "        os.fstat(fd)\n"
        "        print(fd)\n"
        "    except OSError:\n"
        "        pass\n";
    CHECK(output_of(client, in_new_shard({"python3", "-c", code})) == "0\n1\n2\n");
}

}  // namespace shardrun::test
