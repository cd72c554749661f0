// The 21 points of the security checklist and where each is held to:
//
//    1 one daemon, no setuid file                   escape_test: no file of the installation is
//    setuid 2 order of the steps, five empty sets          here: "privilege"; "a second program" 3
//    no shared memory with a shard that runs      escape_race_test: newcomers are closed 4 a uid
//    per shard                              namespace_test: two shards run under two uids; here:
//    "signals" 5 mounts and their attributes                  here: "mounts"; escape_test: planted
//    links 6 paths of clients                             escape_test: planted links (the
//    supervisor resolves none in a shard) 7 blobs                                        not of the
//    runtime: /blobs is read-only, here: "mounts" 8 private propagation, the old root is gone
//    namespace_test: a mount made afterwards; here: "mounts" 9 proc here: "proc";
//    isolation_survey_test
//   10 dev, core files                              here: "devices", "limits and scheduling"
//   11 own program                                  escape_test: the runtime's program
//   12 kernel surface                               syscall_test; isolation_survey_test: surface
//   13 Landlock                                     here: "abstract sockets"
//   14 cgroups                                      here: "cgroup"; limit_*_test
//   15 kill and reclaim                             crowd_test, restart_test, escape_kill_test
//   16 out of memory                                limit_memory_test; here: "limits and
//   scheduling" 17 network                                      namespace_test: the network is a
//   loopback 18 socket                                       tests/unit/supervisor/server,
//   tests/fuzz 19 no path of a client in the daemon's root     tests/unit/shard/skeleton_plan_test:
//   only the configuration's 20 environment, stdio, masks, dispositions      here: "environment",
//   "signals" 21 censuses, kills, fuzz                        here: "descriptors", "mounts";
//   escape_kill_test; tests/fuzz

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "privileged/inside.h"
#include "privileged/needs.h"

namespace shardrun::test {

const Needs kNeeds{};

namespace {

constexpr const char* kHostNetwork = "[clients.default]\nhost_network = true\n";

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream stream(text);
    return {std::istream_iterator<std::string>(stream), {}};
}

/// One line of mountinfo; see proc(5).
struct Mount {
    std::string target;
    std::set<std::string> options;
    std::string type;
};

Mount parse_mount(const std::string& line) {
    const std::vector<std::string> words = words_of(line);
    const auto separator = std::ranges::find(words, "-");
    REQUIRE_MESSAGE((words.size() > 6 && separator != words.end()), line);
    Mount mount{words[4], {}, *(separator + 1)};
    std::istringstream options(words[5]);
    for (std::string option; std::getline(options, option, ',');) mount.options.insert(option);
    return mount;
}

bool has_options(const Mount& mount, const std::vector<std::string>& wanted) {
    return std::ranges::all_of(
        wanted, [&](const std::string& option) { return mount.options.contains(option); });
}

/// Options that a mount must have, by its target; none: it should not be there.
std::vector<std::string> wanted_options(const Mount& mount) {
    const std::string& target = mount.target;
    if (target == "/") return {"ro", "nosuid"};
    if (target == "/tmp" || target == "/run") return {"rw", "nosuid", "nodev"};
    if (target == "/dev/shm") return {"rw", "nosuid", "nodev", "noexec"};
    if (target == "/blobs") return {"ro", "nosuid", "nodev"};
    if (target == "/dev/pts") return {"nosuid", "noexec"};
    if (target == "/proc") return {"nosuid", "nodev", "noexec"};
    if (target.starts_with("/proc/") && mount.type == "proc")
        return {"ro", "nosuid", "nodev", "noexec"};
    if (target.starts_with("/proc/")) return {"ro", "nosuid"};  // A mask: null device or nothing.
    if (target.starts_with("/usr") || target.starts_with("/etc/") || target.starts_with("/lib") ||
        target.starts_with("/bin") || target.starts_with("/sbin") || target.ends_with("/programs"))
        return {"ro", "nosuid", "nodev"};
    return {};
}

void check_is_as_unprivileged(const Survey& seen) {
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
        CHECK_MESSAGE(seen.status(set) == "0000000000000000", set);
    CHECK(seen.status("NoNewPrivs") == "1");
    CHECK(seen.status("Seccomp") == "2");
    CHECK(seen.value("securebits") == "15");  // NOROOT and NO_SETUID_FIXUP, both locked.
    CHECK(seen.value("keepcaps") == "0");
}

}  // namespace

TEST_CASE("privilege: five empty sets, no_new_privs, a filter and locked securebits") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    check_is_as_unprivileged(survey(bed, client));
}

TEST_CASE("privilege: the same in a user namespace, where uid 0 means nothing") {
    const Testbed bed(Controllers::best_effort, "user_namespace = true\n");
    Client client = bed.connect();
    const Survey seen = survey(bed, client);
    check_is_as_unprivileged(seen);
    CHECK(words_of(seen.status("Uid")).at(0) == "0");
}

TEST_CASE("a second program in a shard has the filter, sets, namespaces and cgroup of the first") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    const std::string script =
        "readlink /proc/self/ns/*; grep -E '^(Cap|Uid|Gid|Groups|NoNew|Seccomp|Sig)' "
        "/proc/self/status; cat /proc/self/cgroup /proc/self/mountinfo /proc/self/limits";
    Program first(client, in_new_shard({"sh", "-c", script + "; echo END; sleep 600"}));
    std::string of_first;
    for (std::string line = first.read_line(); line != "END"; line = first.read_line())
        of_first += line + "\n";
    for (int i = 0; i < 3; ++i)
        CHECK(output_of(client, in_shard(first.shard(), {"sh", "-c", script})) == of_first);
}

TEST_CASE("descriptors: 0, 1, 2 and nothing else, for the first and for later programs") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    const std::vector<std::string> wanted{"0", "1", "2"};
    CHECK(survey(bed, client).values("fd") == wanted);
    Program first(client, in_new_shard({"sleep", "600"}));
    const Survey later(output_of(client, in_shard(first.shard(), {bed.program("survey")})));
    CHECK(later.values("fd") == wanted);
}

TEST_CASE("mounts: only what is meant to be there, each with all its restrictions") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    std::set<std::string> targets;
    for (const std::string& line : survey(bed, client).values("mount")) {
        const Mount mount = parse_mount(line);
        const std::vector<std::string> wanted = wanted_options(mount);
        CHECK_MESSAGE(!wanted.empty(), "unexpected mount: ", line);
        CHECK_MESSAGE(has_options(mount, wanted), line);
        CHECK_MESSAGE(line.find("shared:") == std::string::npos, "propagates: ", line);
        CHECK_MESSAGE(line.find("master:") == std::string::npos, "propagates: ", line);
        targets.insert(mount.target);
        for (const char* type : {"sysfs", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs",
                                 "binfmt_misc", "bpf", "autofs", "devtmpfs", "hugetlbfs"})
            CHECK_MESSAGE(mount.type != type, line);
    }
    for (const char* target :
         {"/", "/tmp", "/run", "/dev/shm", "/blobs", "/dev/pts", "/proc", "/usr"})
        CHECK_MESSAGE(targets.contains(target), target);
    for (const char* covered : {"/proc/sys", "/proc/fs", "/proc/irq", "/proc/kcore", "/proc/keys",
                                "/proc/kallsyms", "/proc/timer_list", "/proc/pressure"})
        if (std::filesystem::exists(covered)) CHECK_MESSAGE(targets.contains(covered), covered);
}

TEST_CASE("devices: the six, the terminal's folder, links, and nothing else") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    const std::vector<std::string> list = survey(bed, client).values("/dev");
    const std::set<std::string> seen(list.begin(), list.end());
    CHECK(seen == std::set<std::string>{"c null 1 3", "c zero 1 5", "c full 1 7", "c random 1 8",
                                        "c urandom 1 9", "c tty 5 0", "l ptmx 0 0", "l fd 0 0",
                                        "l stdin 0 0", "l stdout 0 0", "l stderr 0 0", "d pts 0 0",
                                        "d shm 0 0"});
}

TEST_CASE("limits and scheduling: nothing of the supervisor's own is inherited") {
    // What a supervisor may have been given by whoever started it.
    const int nice_before = ::getpriority(PRIO_PROCESS, 0);
    REQUIRE(::setpriority(PRIO_PROCESS, 0, -5) == 0);
    // Immune as far as this machine lets root be.
    if (!(std::ofstream("/proc/self/oom_score_adj") << "-900" << std::flush))
        std::ofstream("/proc/self/oom_score_adj") << "100";
    const Testbed bed(Controllers::best_effort);
    (void)::setpriority(PRIO_PROCESS, 0, nice_before);
    std::ofstream("/proc/self/oom_score_adj") << "0";
    Client client = bed.connect();
    const Survey seen = survey(bed, client);
    CHECK(seen.value("nice") == "0");
    CHECK(seen.value("oom_score_adj") == "0");
    CHECK(seen.value("policy") == "0");
    CHECK(seen.value("ioprio") == "0");
    CHECK(seen.value("personality") == "0");
    CHECK(seen.value("timer slack") == "50000");
    CHECK(seen.value("core") == "1 1");
    CHECK(seen.value("rtprio") == "0 0");
    CHECK(seen.value("nice limit") == "0 0");
    CHECK(seen.value("nofile") == "1024 1024");
    CHECK(seen.value("session leader") == "1");
    CHECK(seen.value("controlling terminal") == "0");
}

TEST_CASE("limits and scheduling: a program that crashes leaves no core file") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    const std::string script = "cd /tmp; sh -c 'kill -SEGV $$'; ls -A /tmp; echo end";
    CHECK(output_of(client, in_new_shard({"sh", "-c", script})).ends_with("end\n"));
    CHECK(output_of(client, in_new_shard({"sh", "-c", script})).find("core\n") ==
          std::string::npos);
}

TEST_CASE("environment: exactly what was asked, umask 022, the working directory reachable") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    ResourceRequest::Run run = in_new_shard({bed.program("survey")});
    const std::vector<std::string> asked{"ONLY=this", "HOME=/run", "PATH=/usr/bin"};
    run.program.env = asked;
    const Survey seen(output_of(client, run));
    CHECK(seen.values("environ") == asked);
    CHECK(seen.status("Umask") == "0022");
    CHECK(seen.value("cwd") == "/");
    // Without them: the two that programs cannot do without, and nothing of the supervisor's.
    run.program.env = {};
    for (const std::string& variable : Survey(output_of(client, run)).values("environ"))
        CHECK_MESSAGE((variable == "HOME=/tmp" || variable.starts_with("PATH=/")), variable);
}

TEST_CASE("signals: none blocked, ignored or caught when a program begins") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    const Survey seen = survey(bed, client);
    for (const char* field : {"SigBlk", "SigIgn", "SigPnd", "ShdPnd", "SigCgt"})
        CHECK_MESSAGE(seen.status(field) == "0000000000000000", field);
}

TEST_CASE("proc: of init nothing can be opened, read or signalled") {
    for (const char* settings : {"", "user_namespace = true\n"}) {
        const Testbed bed(Controllers::best_effort, settings);
        Client client = bed.connect();
        check_refused(output_of(client, in_new_shard({bed.program("attack"), "read-init"})), 30);
    }
}

TEST_CASE("cgroup: the path is hidden and nothing of cgroupfs can be reached") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    const std::string script =
        "grep ^0: /proc/self/cgroup; grep -l '' /proc/1/cgroup; cat /proc/1/cgroup | grep ^0:; "
        "find "
        "/ -xdev -name 'cgroup.*' 2> /dev/null | head";
    const std::string output = output_of(client, in_new_shard({"sh", "-c", script}));
    CHECK(output == "0::/\n/proc/1/cgroup\n0::/\n");
}

TEST_CASE("signals: a shard cannot name, see or signal a process of another shard") {
    const Testbed bed(Controllers::best_effort, kHostNetwork);
    Client client = bed.connect();
    for (const NetworkMode network : {NetworkMode::none, NetworkMode::host}) {
        ResourceRequest::Run run = in_new_shard({"sleep", "600"});
        run.options.network = network;
        Program victim(client, run);
        // Its init's pid on the host and what was born around it, and what pids are inside.
        const std::uint32_t init = listed(client, victim.shard()).init_pid.value_or(0);
        REQUIRE(init > 50);
        run.program.argv = {
            "sh", "-c",
            fmt::format("for p in 1 2 $(seq 3 300) $(seq {} {}); do [ $p != $$ ] && "
                        "kill -0 $p 2> /dev/null && echo $p; done; echo end",
                        init - 50, init + 50)};
        CHECK(output_of(client, run) == "end\n");
        must(client.release(victim.shard()));
    }
}

TEST_CASE("abstract sockets: with the host's network, Landlock keeps shards apart") {
    utsname names{};
    REQUIRE(::uname(&names) == 0);
    const int major = std::atoi(static_cast<const char*>(names.release));
    const std::string release = static_cast<const char*>(names.release);
    const int minor = std::atoi(release.substr(release.find('.') + 1).c_str());
    const Testbed bed(Controllers::best_effort, kHostNetwork);
    Client client = bed.connect();
    const std::string name = "shardrun-test-" + bed.mark();
    ResourceRequest::Run run = in_new_shard({bed.program("attack"), "listen", name});
    run.options.network = NetworkMode::host;
    Program listener(client, run);
    REQUIRE(listener.read_line() == "listening");
    // Within the shard it works, so that the refusal is not that of a broken listener.
    const std::string own =
        output_of(client, in_shard(listener.shard(), {bed.program("attack"), "connect", name}));
    CHECK(own.starts_with("SUCCEEDED"));
    run.program.argv = {bed.program("attack"), "connect", name};
    const std::string other = output_of(client, run);
    // Landlock can scope them since Linux 6.12; shardrun doctor says so where it cannot.
    if (major > 6 || (major == 6 && minor >= 12))
        CHECK_MESSAGE(other.starts_with("refused"), other);
    run.options.network = NetworkMode::none;
    CHECK(output_of(client, run).starts_with("refused"));
}

}  // namespace shardrun::test
