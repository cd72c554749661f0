// The kernel's own opinion of our filters. No privilege is needed: a child that gives up gaining
// any may load a filter.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <string>

#include "random_profile.h"
#include "seccomp/builtin_calls.h"
#include "seccomp/compile.h"
#include "seccomp/evaluate.h"

using namespace shardrun::seccomp;
using namespace shardrun::seccomp::test;

namespace {

using Json = nlohmann::json;

struct Ended {
    int status = 0;  ///< as waitpid gives it
    std::string output;
};

void load(const FilterProgram& program) {
    const sock_fprog filter{static_cast<unsigned short>(program.instructions.size()),
                            const_cast<sock_filter*>(program.instructions.data())};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(120);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, program.load_flags, &filter) != 0) _exit(121);
}

std::string read_all(int fd) {
    std::string text;
    char buffer[4096];
    for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    return text;
}

/// Runs a program, under a filter if there is one, with its output in a pipe.
Ended run(const std::vector<std::string>& command, const FilterProgram* program) {
    std::vector<char*> argv;
    for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    const pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        if (dup2(ends[1], STDOUT_FILENO) < 0 || dup2(ends[1], STDERR_FILENO) < 0) _exit(122);
        if (program != nullptr) load(*program);
        execvp(argv[0], argv.data());
        _exit(123);
    }
    close(ends[1]);
    Ended ended;
    ended.output = read_all(ends[0]);
    close(ends[0]);
    REQUIRE(waitpid(pid, &ended.status, 0) == pid);
    return ended;
}

FilterProgram builtin() {
    return *compile(builtin_profile({}));
}

// What the probe says under the built-in filter: one object for each call.
std::vector<Json> probe() {
    const char* path = std::getenv("SYSCALL_PROBE");
    REQUIRE_MESSAGE(path != nullptr, "SYSCALL_PROBE must name the program; run me by meson test");
    const FilterProgram program = builtin();
    const Ended ended = run({path}, &program);
    REQUIRE(ended.status == 0);
    std::istringstream output(ended.output);
    std::vector<Json> lines;
    for (std::string line; std::getline(output, line);) lines.push_back(Json::parse(line));
    REQUIRE(!lines.empty());
    REQUIRE(lines.back() == Json{{"call", "end"}});
    lines.pop_back();
    return lines;
}

seccomp_data call_in(const Json& line) {
    seccomp_data call{};
    call.nr = static_cast<int>(line.at("number").get<std::uint32_t>());
    call.arch = static_cast<std::uint32_t>(kNativeArch);
    const auto args = line.at("args").get<std::vector<std::uint64_t>>();
    std::ranges::copy(args, call.args);
    return call;
}

bool is_foreign(const Json& line) {
    return line.at("call") == "x86" || line.at("call") == "x32";
}

std::size_t refusals_of(const std::vector<Json>& lines, const FilterProgram& program) {
    std::size_t refused = 0;
    for (const Json& line : lines) {
        if (is_foreign(line)) continue;
        const Action action = evaluate(program.instructions, call_in(line));
        if (performs_call(action)) continue;
        const auto code = line.at("errno").get<std::uint16_t>();
        CHECK_MESSAGE(errno_action(code) == action, line.dump());
        ++refused;
    }
    return refused;
}

bool is_installed(const std::string& program) {
    return std::filesystem::exists("/usr/bin/" + program);
}

// Random rules on getppid(2), which looks at none of its arguments: all values are harmless.
Profile rules_on_getppid(std::mt19937_64& random) {
    Profile profile = random_profile({}, random);
    profile.default_action = Action::allow;
    profile.unmatched_call_action = Action::allow;
    profile.newer_call_action.reset();
    std::uint16_t code = 100;
    for (Rule& rule : profile.rules) {
        rule.names = {"getppid"};
        rule.action = errno_action(code++);
    }
    std::erase_if(profile.rules, [](const Rule& rule) { return rule.args.empty(); });
    return profile;
}

struct Try {
    std::array<std::uint64_t, 6> args{};
    int expected = 0;
};

std::vector<Try> tries_for(const Profile& profile, const FilterProgram& program,
                           std::mt19937_64& random) {
    std::vector<Try> tries(2000);
    for (Try& one : tries) {
        for (std::uint64_t& arg : one.args) arg = random() >> random() % 64;
        for (const Rule& rule : profile.rules)
            for (const ArgCheck& check : rule.args)
                if (random() % 2 == 0) one.args[check.index] = check.value + random() % 3 - 1;
        seccomp_data call{SYS_getppid, static_cast<std::uint32_t>(kNativeArch), 0, {}};
        std::ranges::copy(one.args, call.args);
        const Action action = evaluate(program.instructions, call);
        one.expected =
            action == Action::allow ? 0 : static_cast<int>(to_word(action) & SECCOMP_RET_DATA);
    }
    return tries;
}

// In a child: how many of the tries ended otherwise than expected; at most 100.
int count_surprises(const FilterProgram& program, const std::vector<Try>& tries) {
    const pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        load(program);
        int surprises = 0;
        for (const Try& one : tries) {
            errno = 0;
            const auto& a = one.args;
            (void)syscall(SYS_getppid, a[0], a[1], a[2], a[3], a[4], a[5]);
            surprises += errno == one.expected ? 0 : 1;
        }
        _exit(std::min(surprises, 100));
    }
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("the kernel refuses what the built-in filter refuses, with the same errno") {
    const std::size_t refused = refusals_of(probe(), builtin());
    CHECK(refused > 250);
}

TEST_CASE("the probe tries every refused call, and what is allowed reaches the kernel") {
    std::map<std::string, Json> tried;
    for (const Json& line : probe()) tried[line.at("call")] = line;
    for (const DeniedCall& call : builtin_denied())
        CHECK_MESSAGE(tried.contains(std::string(call.name)), call.name);
    CHECK(tried.at("getpid").at("errno") == 0);
    CHECK(tried.at("clone").at("errno") == 0);
    CHECK(tried.at("read").at("errno") == EBADF);
    CHECK(tried.at("ioctl TCGETS").at("errno") == EBADF);
    CHECK(tried.at("unknown").at("errno") == ENOSYS);
}

TEST_CASE("a process that makes a call of another arch is ended") {
    for (const Json& line : probe())
        if (is_foreign(line)) CHECK_MESSAGE(line.at("signal") == SIGSYS, line.dump());
}

TEST_CASE("the kernel and our evaluation agree on random conditions") {
    std::mt19937_64 random(1);
    for (int i = 0; i < 30; ++i) {
        const Profile profile = rules_on_getppid(random);
        const auto program = compile(profile);
        REQUIRE(program);
        const auto tries = tries_for(profile, *program, random);
        CHECK(count_surprises(*program, tries) == 0);
        auto wrong = tries;
        wrong.front().expected ^= 1;
        CHECK(count_surprises(*program, wrong) == 1);
    }
}

TEST_CASE("usual programs do under the built-in filter what they do without it") {
    constexpr const char* kPython =
        "import subprocess, threading, socket, multiprocessing, tempfile, os, asyncio, ssl\n"
        "t = threading.Thread(target=print, args=('thread',)); t.start(); t.join()\n"
        "print(subprocess.check_output(['echo', 'child']))\n"
        "print(multiprocessing.get_context('fork').Pool(2).map(len, ['a', 'bb']))\n"
        "a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1))\n"
        "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); print('listens')\n"
        "asyncio.run(asyncio.sleep(0)); print(len(os.listdir('/')) > 0)\n";
    constexpr const char* kGit =
        "d=$(mktemp -d) && cd $d && git init -q && echo x > f && git add f && "
        "git -c user.name=a -c user.email=a@b commit -qm m && git log --format=%s && rm -rf $d";
    constexpr const char* kGcc =
        "d=$(mktemp -d) && cd $d && echo 'int main(void){return 7;}' > a.c && gcc a.c -o a && "
        "{ ./a; echo $?; } && rm -rf $d";
    const std::pair<const char*, std::vector<std::string>> programs[] = {
        {"true", {"true"}},
        {"bash",
         {"bash", "-c", "echo a | tr a b; x=$(ls / | wc -l); [ $x -gt 0 ] && (echo sub) & wait"}},
        {"busybox",
         {"busybox", "sh", "-c", "busybox ls / >/dev/null && busybox seq 3 | busybox tac"}},
        {"python3", {"python3", "-c", kPython}},
        {"perl", {"perl", "-e", "print `echo hi`; fork or exit; wait; print getppid > 0, qq(\\n)"}},
        {"git", {"sh", "-c", kGit}},
        {"gcc", {"sh", "-c", kGcc}},
        {"tar", {"sh", "-c", "tar cf - /etc/hostname 2>/dev/null | tar tf -"}},
        {"openssl", {"openssl", "dgst", "-sha256", "/etc/hostname"}},
        {"getent", {"getent", "hosts", "localhost"}},
    };
    const FilterProgram filter = builtin();
    for (const auto& [name, command] : programs) {
        if (!is_installed(name)) continue;
        const Ended free = run(command, nullptr);
        const Ended filtered = run(command, &filter);
        CHECK_MESSAGE(free.status == 0, name, ": ", free.output);
        CHECK_MESSAGE(filtered.status == free.status, name, ": ", filtered.output);
        CHECK_MESSAGE(filtered.output == free.output, name);
    }
}
