// The classes of bug that sandboxes of this kind have had (facts: security bugs of other runtimes),
// each played against this one. A name says what is tried; the comment, who fell for it.

#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "privileged/host_view.h"
#include "privileged/inside.h"
#include "privileged/needs.h"

namespace shardrun::test {

const Needs kNeeds{};

namespace {

namespace fs = std::filesystem;

std::string attack(const Testbed& bed, Client& client, const std::string& name) {
    return output_of(client, in_new_shard({bed.program("attack"), name}));
}

/// The supervisor's own views of its shards' tmpfs, as paths through its descriptor table.
std::vector<std::string> views_of_tmpfs(pid_t supervisor) {
    std::vector<std::string> found;
    for (const fs::directory_entry& entry :
         fs::directory_iterator("/proc/" + std::to_string(supervisor) + "/fd")) {
        struct statfs usage {};
        const std::string path = entry.path();
        const bool is_tmpfs = ::statfs(path.c_str(), &usage) == 0 && usage.f_type == TMPFS_MAGIC;
        if (is_tmpfs && ::access((path + "/blobs").c_str(), F_OK) == 0) found.push_back(path);
    }
    return found;
}

/// A supervisor whose shards need a folder that the test can take away.
struct Vanishing {
    fs::path folder = fs::path("/var/lib") / ("shardrun-vanishing-" + std::to_string(::getpid()));
    Vanishing() { fs::create_directories(folder); }
    ~Vanishing() { fs::remove_all(folder); }
    Vanishing(const Vanishing&) = delete;
    Vanishing& operator=(const Vanishing&) = delete;
};

Error error_of(Client& client, const ResourceRequest::Run& run) {
    const Result<ProgramExit> result = client.run_program(run, {}, std::chrono::seconds(60));
    REQUIRE_MESSAGE(!result.has_value(), run.program.cwd);
    return result.error();
}

void end_zygote(const Testbed& bed) {
    const pid_t zygote = zygote_of(bed.pid());
    REQUIRE(zygote > 0);
    REQUIRE(::kill(zygote, SIGKILL) == 0);
}

}  // namespace

// CVE-2019-5736: runc was overwritten through /proc/self/exe.
TEST_CASE("the runtime's program cannot be overwritten through /proc/PID/exe") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    check_refused(attack(bed, client, "overwrite-runtime"), 14);
    CHECK(output_of(client, in_new_shard({"echo", "intact"})) == "intact\n");
}

TEST_CASE("the zygote runs from a file without a name that cannot be changed, not even by root") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    Program program(client, in_new_shard({"sleep", "600"}));
    const std::string exe = "/proc/" + std::to_string(zygote_of(bed.pid())) + "/exe";
    CHECK(fs::read_symlink(exe).string().starts_with("/memfd:shardrun-zygote"));
    const UniqueFd fd(::open(exe.c_str(), O_RDONLY | O_CLOEXEC));
    REQUIRE(fd);
    const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
    CHECK((::fcntl(fd.get(), F_GET_SEALS) & seals) == seals);
    CHECK(::open(exe.c_str(), O_WRONLY | O_CLOEXEC) < 0);
    CHECK(::truncate(exe.c_str(), 0) != 0);
}

// CVE-2024-21626: runc left a descriptor of the host's cgroup folder open, and a working directory
// of "/proc/self/fd/7" led out of the container.
TEST_CASE("no working directory leads out by a descriptor that was left open") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    Program first(client, in_new_shard({"sleep", "600"}));
    for (int fd = 3; fd < 24; ++fd) {
        for (const bool is_first : {true, false}) {
            ResourceRequest::Run run = in_new_shard({"sh", "-c", "exit 1"});
            if (!is_first) run = in_shard(first.shard(), {"sh", "-c", "exit 1"});
            run.program.cwd = "/proc/self/fd/" + std::to_string(fd);
            const Error error = error_of(client, run);
            CHECK_MESSAGE(error.message.find("/proc/self/fd/") != std::string::npos, error.message);
        }
    }
    ResourceRequest::Run run = in_new_shard({"ls"});
    run.program.cwd = "/proc/1/root";
    CHECK(error_of(client, run).code == EACCES);
    run.program.cwd = "/proc/1/cwd";
    CHECK(error_of(client, run).code == EACCES);
}

// CVE-2025-31133, CVE-2025-52565, CVE-2026-41579: links in places that the runtime mounts on or
// writes to; Judge0 CVE-2024-28185: work on the host's side that follows them.
TEST_CASE("links and moved folders mislead neither later programs nor the supervisor") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    Program first(client, in_new_shard({"sleep", "600"}));
    const auto in_first = [&](std::vector<std::string> argv) {
        return output_of(client, in_shard(first.shard(), std::move(argv)));
    };
    // In this attack a link planted in the shard's own places is no success; nothing else may move.
    check_refused(in_first({bed.program("attack"), "plant-links"}), 20);
    CHECK(in_first({"sh", "-c", "readlink /tmp/link; cat /tmp/link 2> /dev/null || echo no"}) ==
          "/etc/shadow\nno\n");
    ResourceRequest::Run run =
        in_shard(first.shard(), {"sh", "-c", "pwd -P; test -d home || echo no"});
    run.program.cwd = "/tmp/root";
    CHECK(output_of(client, run) == "/\nno\n");
    CHECK(in_first({"sh", "-c", "head -c 8192 /dev/zero > /tmp/file"}).empty());
    CHECK(measured(client, first.shard()).tmpfs_used_bytes.value_or(0) >= 8192);
}

TEST_CASE("the supervisor's own view of a shard's files follows no link that was planted there") {
    const Testbed bed(Controllers::best_effort, "[warm_pool]\nshards_max = 0\n");
    Client client = bed.connect();
    const char* script = "ln -s /etc /tmp/link; echo text > /tmp/file; echo ready; sleep 600";
    Program program(client, in_new_shard({"sh", "-c", script}));
    REQUIRE(program.read_line() == "ready");
    const std::vector<std::string> views = views_of_tmpfs(bed.pid());
    REQUIRE(views.size() == 1);
    CHECK(::access((views[0] + "/tmp/file").c_str(), R_OK) == 0);
    const UniqueFd through(::open((views[0] + "/tmp/link/passwd").c_str(), O_RDONLY | O_CLOEXEC));
    CHECK(!through);
    CHECK(errno == ELOOP);
}

// CVE-2019-19921, CVE-2019-16884, CVE-2025-52881: writes to /proc that landed elsewhere.
TEST_CASE("each shard has a /proc of its own, whose settings it cannot write") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    const std::string script =
        "for f in kernel/core_pattern kernel/hostname net/ipv4/ip_forward fs/file-max "
        "vm/overcommit_memory "
        "kernel/modprobe; do (echo x > /proc/sys/$f) 2> /dev/null && echo wrote $f; done; stat -f "
        "-c %T "
        "/proc; stat -c %d /proc";
    Program holder(client, in_new_shard({"sh", "-c", script + "; sleep 600"}));
    Program other(client, in_new_shard({"sh", "-c", script + "; sleep 600"}));
    CHECK(holder.read_line() == "proc");
    CHECK(other.read_line() == "proc");
    struct stat host {};
    REQUIRE(::stat("/proc", &host) == 0);
    const std::string first = holder.read_line();
    CHECK(first != other.read_line());
    CHECK(first != std::to_string(host.st_dev));
}

// crun#2262: a step failed, and the fallback went on in another root.
TEST_CASE("a root that cannot be made is told, and no shard comes up without it") {
    Vanishing path;
    const Testbed bed(Controllers::best_effort, "[warm_pool]\nshards_max = 0\n",
                      {path.folder.string()});
    Client client = bed.connect();
    CHECK(output_of(client, in_new_shard({"echo", "before"})) == "before\n");
    const HostView before = HostView::now(bed.mark());
    fs::remove_all(path.folder);
    end_zygote(bed);
    // The first request may still find the dead zygote, and says so.
    for (int i = 0; i < 3; ++i) {
        const Error error = error_of(client, in_new_shard({"echo", "no"}));
        CHECK_MESSAGE(!error.message.empty(), error.message);
    }
    const Error error = error_of(client, in_new_shard({"echo", "no"}));
    CHECK_MESSAGE(error.message.find(path.folder) != std::string::npos, error.message);
    CHECK(before.left_since() == std::vector<std::string>{});
    CHECK(must(client.list()).empty());
    fs::create_directories(path.folder);
    CHECK(output_of(client, in_new_shard({"echo", "again"})) == "again\n");
}

TEST_CASE("a tmpfs too small for what must be in it fails the shard, with a sentence") {
    const Testbed bed(Controllers::best_effort, "[warm_pool]\nshards_max = 0\n");
    Client client = bed.connect();
    const HostView before = HostView::now(bed.mark());
    ResourceRequest::Run run = in_new_shard({"echo", "no"});
    run.options.limits.tmpfs_size_max_bytes = 4096;
    const Error error = error_of(client, run);
    CHECK_MESSAGE(!error.message.empty(), error.message);
    CHECK(before.left_since() == std::vector<std::string>{});
    CHECK(must(client.list()).empty());
}

TEST_CASE("a program that fails to start leaves the next ones their own fate") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    for (int i = 0; i < 20; ++i) {
        // Both are asked for before the shard is there: the second's process is the second one
        // born.
        const ShardId shard =
            must(client.new_shard({}, std::chrono::seconds(60))).assignment()->shard;
        const std::uint64_t failing =
            must(client.send(Message{ResourceRequest{in_shard(shard, {"/nowhere"})}}));
        const std::uint64_t working =
            must(client.send(Message{ResourceRequest{in_shard(shard, {"sh", "-c", "exit 7"})}}));
        CHECK(!client.await_reply(failing, std::chrono::seconds(60)));
        REQUIRE(client.await_reply(working, std::chrono::seconds(60)).has_value());
        const ReceivedFrame ended = must(client.next_event(working, std::chrono::seconds(60)));
        REQUIRE(ended.assignment() != nullptr);
        REQUIRE(ended.assignment()->exit.has_value());
        CHECK(ended.assignment()->exit->status == 7);
        must(client.release(shard));
    }
}

// CVE-2017-5226 (TIOCSTI), CVE-2019-7303 (high bits), CVE-2023-1523 (TIOCLINUX).
TEST_CASE("no key is pushed into a terminal, neither the shard's own nor one passed in") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    const UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(master);
    REQUIRE(::grantpt(master.get()) == 0);
    REQUIRE(::unlockpt(master.get()) == 0);
    char name[64] = {};
    REQUIRE(::ptsname_r(master.get(), name, sizeof(name)) == 0);
    const UniqueFd terminal(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(terminal);
    ResourceRequest::Run run = in_new_shard({bed.program("attack"), "inject-keys"});
    Program attacker(client, run, terminal.get());
    check_refused(attacker.read_all(), 4);
}

TEST_CASE("a terminal that a program asks for is of the shard's own, and takes no key either") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    ResourceRequest::Run run =
        in_new_shard({"sh", "-c",
                      "{ tty; ls /dev/pts; " + bed.program("attack") +
                          " inject-keys; echo END; } > /tmp/out; cat /tmp/out"});
    run.program.terminal = WindowSize{24, 80};
    ReceivedFrame started = must(client.run(run, {}, std::chrono::seconds(60)));
    const UniqueFd master = started.take_fd(FdRole::terminal);
    REQUIRE(master);
    std::string text;
    char part[1024];
    ssize_t length = 0;
    while (text.find("END") == std::string::npos &&
           (length = ::read(master.get(), part, sizeof(part))) > 0)
        text.append(part, static_cast<std::size_t>(length));
    CHECK_MESSAGE(text.starts_with("/dev/pts/0\r\n"), text);
    CHECK_MESSAGE(text.find("SUCCEEDED") == std::string::npos, text);
    CHECK_MESSAGE(text.find("refused TIOCSTI, high bits") != std::string::npos, text);
    // Its number is of the shard's own instance: the host's has no such terminal of ours.
    struct stat host {};
    struct stat own {};
    REQUIRE(::fstat(master.get(), &own) == 0);
    REQUIRE(::stat("/dev/pts/ptmx", &host) == 0);
    CHECK(host.st_dev != own.st_dev);
}

// CVE-2022-27650, CVE-2026-30892: the wrong user, or inheritable capabilities, on exec.
TEST_CASE("a program that is run later has the shard's user and nothing to inherit") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    const std::string script =
        "id -u; id -g; id -G; grep -E '^Cap(Inh|Amb)' /proc/self/status | cut -f2";
    Program first(client, in_new_shard({"sh", "-c", "id -u; sleep 600"}));
    const std::string uid = first.read_line();
    CHECK(std::stol(uid) > 1000000);
    const std::string later = output_of(client, in_shard(first.shard(), {"sh", "-c", script}));
    CHECK(later == uid + "\n" + uid + "\n" + uid + "\n0000000000000000\n0000000000000000\n");
}

// firejail CVE-2017-5180 and others: a setuid helper.
TEST_CASE("nothing that is built is setuid, setgid or has file capabilities") {
    const char* program = std::getenv("SHARDRUN");
    REQUIRE(program != nullptr);
    unsigned seen = 0;
    for (const fs::directory_entry& entry :
         fs::recursive_directory_iterator(fs::path(program).parent_path())) {
        struct stat status {};
        if (::lstat(entry.path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
        CHECK_MESSAGE((status.st_mode & (S_ISUID | S_ISGID)) == 0, entry.path().string());
        ++seen;
    }
    CHECK(seen > 0);
}

TEST_CASE("a setuid program of the host gives nothing inside") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    // A copy of id(1) owned by root and setuid, where shards see it.
    const fs::path planted = fs::path(bed.program("hog")).parent_path() / "setuid-id";
    fs::copy_file("/usr/bin/id", planted);
    REQUIRE(::chmod(planted.c_str(), 04755) == 0);
    const std::string ids =
        output_of(client, in_new_shard({"sh", "-c", "id -u; " + planted.string() + " -u"}));
    const std::vector<std::string> lines = lines_of(ids);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0] == lines[1]);
    CHECK(lines[0] != "0");
}

}  // namespace shardrun::test
