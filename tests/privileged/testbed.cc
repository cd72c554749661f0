#include "privileged/testbed.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

#include "privileged/needs.h"

namespace shardrun::test {
namespace {

constexpr std::chrono::seconds kPatience{60};  // For an emulated processor on a busy host.

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) FAIL("the environment lacks " << name);
    return value == nullptr ? "" : value;
}

/// Not in /tmp: it holds programs that shards are to see, and /tmp is a place of the shard's own.
std::string make_folder() {
    std::string pattern = "/var/lib/shardrun-test-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    REQUIRE(::chmod(pattern.c_str(), 0755) == 0);
    return pattern;
}

/// Where `serve` tells that it is ready; see sd_notify(3).
UniqueFd open_notify_socket(const std::string& path) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    std::filesystem::remove(path);
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    return fd;
}

[[noreturn]] void become_supervisor(const std::string& program, const std::string& config,
                                    const std::string& notify) {
    ::setenv("NOTIFY_SOCKET", notify.c_str(), 1);
    ::execl(program.c_str(), "shardrun", "serve", "--config", config.c_str(), nullptr);
    ::_exit(127);
}

/// Ends the test case when the supervisor ends before it is ready.
void await_ready(const UniqueFd& notify, pid_t pid) {
    const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    for (;;) {
        pollfd events[] = {{notify.get(), POLLIN, 0}, {process.get(), POLLIN, 0}};
        const int patience_ms = static_cast<int>(std::chrono::milliseconds(kPatience).count());
        REQUIRE_MESSAGE(::poll(events, 2, patience_ms) > 0, "the supervisor is not ready in time");
        REQUIRE_MESSAGE(events[0].revents != 0, "the supervisor ended before it was ready");
        char text[512];
        const ssize_t length = ::recv(notify.get(), text, sizeof(text), 0);
        REQUIRE(length > 0);
        const std::string_view words(text, static_cast<std::size_t>(length));
        if (words.find("READY=1") != std::string_view::npos) return;
    }
}

}  // namespace

Testbed::Testbed(Controllers controllers, const std::string& settings,
                 const std::vector<std::string>& visible_paths)
    : folder_(make_folder()) {
    const std::filesystem::path programs = folder_ + "/programs";
    std::filesystem::create_directory(programs);
    for (const char* name : {"attack", "hog", "survey", "programs/syscall_probe"}) {
        const std::string built = variable("SHARDRUN_TEST_PROGRAMS") + "/" + name;
        if (std::filesystem::exists(built))
            std::filesystem::copy_file(built, programs / std::filesystem::path(name).filename());
    }
    std::string paths = fmt::format("\"/usr\", \"{}\"", programs.string());
    for (const std::string& path : visible_paths) paths += fmt::format(", \"{}\"", path);
    mark_ = std::filesystem::path(folder_).filename();
    cgroup_ = cgroup_mount() + "/" + mark_;
    std::ofstream config(folder_ + "/shardrun.toml");
    config << fmt::format("[socket]\npath = \"{}/socket\"\n", folder_)
           << fmt::format("[cgroup]\nroot = \"{}\"\ncontrollers = \"{}\"\n", mark_,
                          controllers == Controllers::require ? "require" : "best-effort")
           // Whatever still runs at the end of a test case is not waited for.
           << (settings.find("[supervisor]") == std::string::npos
                   ? "[supervisor]\ndrain_deadline_ms = 100\n"
                   : "")
           << fmt::format("[shard]\nread_only_paths = [{}]\n", paths) << settings;
    config.close();
    start();
}

Testbed::~Testbed() {
    if (pid_ > 0) CHECK_MESSAGE(stop() == 0, "the supervisor's wait status after SIGTERM");
    CHECK_MESSAGE(!std::filesystem::exists(cgroup_), "a cgroup is left behind: ", cgroup_);
    std::error_code ignored;  // The folder is in the test's own temporary folder anyway.
    std::filesystem::remove_all(folder_, ignored);
}

void Testbed::start() {
    const UniqueFd notify = open_notify_socket(folder_ + "/notify");
    const std::string program = variable("SHARDRUN");
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) become_supervisor(program, folder_ + "/shardrun.toml", folder_ + "/notify");
    await_ready(notify, pid_);
}

int Testbed::stop() {
    int status = -1;
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
}

void Testbed::kill() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

Client Testbed::connect() const {
    return must(Client::connect(folder_ + "/socket"));
}

Program::Program(Client& client, const ResourceRequest::Run& run, int input) : client_(client) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    output_.reset(ends[0]);
    const UniqueFd write_end(ends[1]);
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const int stdio[] = {input < 0 ? null.get() : input, write_end.get(), write_end.get()};
    ReceivedFrame started = must(client.run(run, stdio, kPatience));
    correlation_ = started.frame.correlation;
    REQUIRE(started.assignment() != nullptr);
    shard_ = started.assignment()->shard;
    id_ = started.assignment()->program;
}

std::string Program::read_line() {
    std::string line;
    char letter = 0;
    while (::read(output_.get(), &letter, 1) == 1 && letter != '\n') line += letter;
    return line;
}

std::string Program::read_all() {
    std::string text;
    char part[4096];
    ssize_t length = 0;
    while ((length = ::read(output_.get(), part, sizeof(part))) > 0)
        text.append(part, static_cast<std::size_t>(length));
    return text;
}

End Program::wait() {
    for (;;) {
        ReceivedFrame received = must(client_.next_event(correlation_, kPatience));
        if (auto error = received.error()) return {std::nullopt, error->message};
        const ShardAssignment* news = received.assignment();
        REQUIRE(news != nullptr);
        if (news->kind == AssignmentKind::exited && news->program == id_)
            return {news->exit, news->reason.value_or("")};
        if (news->kind == AssignmentKind::failed || news->kind == AssignmentKind::reclaimed)
            return {std::nullopt, news->reason.value_or("")};
    }
}

ResourceRequest::Run in_new_shard(std::vector<std::string> argv, const ShardLimits& limits) {
    ResourceRequest::Run run;
    run.options.limits = limits;
    run.program.argv = std::move(argv);
    run.program.env = {"PATH=/usr/sbin:/usr/bin", "LC_ALL=C"};
    return run;
}

ResourceRequest::Run in_shard(ShardId shard, std::vector<std::string> argv) {
    ResourceRequest::Run run = in_new_shard(std::move(argv));
    run.shard = shard;
    return run;
}

std::string output_of(Client& client, const ResourceRequest::Run& run) {
    Program program(client, run);
    const std::string output = program.read_all();
    const End end = program.wait();
    REQUIRE_MESSAGE(end.exit.has_value(), end.reason);
    REQUIRE_MESSAGE((end.exit->status == 0 && end.exit->signal_number == 0), output);
    return output;
}

ShardAssignment listed(Client& client, ShardId shard) {
    const std::vector<ShardAssignment> rows = must(client.list(shard, kPatience));
    REQUIRE(rows.size() == 1);
    return rows.front();
}

ShardStatus measured(Client& client, ShardId shard) {
    ShardStatus question;
    question.shard = shard;
    return must(client.status(question, kPatience));
}

std::string cgroup_file(Client& client, ShardId shard, const std::string& name) {
    const std::string cgroup = listed(client, shard).cgroup.value_or("");
    std::ifstream file(fmt::format("{}/{}/{}", cgroup_mount(), cgroup, name));
    REQUIRE_MESSAGE(file.is_open(), "no file ", name, " in cgroup ", cgroup);
    std::ostringstream text;
    text << file.rdbuf();
    std::string content = text.str();
    while (!content.empty() && content.back() == '\n') content.pop_back();
    return content;
}

std::uint64_t cgroup_value(Client& client, ShardId shard, const std::string& file,
                           const std::string& key) {
    std::istringstream lines(cgroup_file(client, shard, file));
    std::string name;
    std::uint64_t value = 0;
    while (lines >> name >> value) {
        if (name == key) return value;
    }
    FAIL("no '" << key << "' in " << file);
    return 0;
}

double cores_used(Client& client, ShardId shard, std::chrono::milliseconds span) {
    const auto usage = [&] { return cgroup_value(client, shard, "cpu.stat", "usage_usec"); };
    const auto started = std::chrono::steady_clock::now();
    const std::uint64_t before = usage();
    std::this_thread::sleep_for(span);  // A rate needs time; there is no event to wait for.
    const std::uint64_t used = usage() - before;
    const std::chrono::duration<double, std::micro> elapsed =
        std::chrono::steady_clock::now() - started;
    return static_cast<double>(used) / elapsed.count();
}

}  // namespace shardrun::test
