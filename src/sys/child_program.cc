#include "sys/child_program.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "base/fail.h"
#include "sys/unique_fd.h"

namespace shardrun::sys {
namespace {

/// posix_spawn's own lists, freed with it.
class SpawnPlan {
 public:
    SpawnPlan() {
        SR_ASSERT(::posix_spawn_file_actions_init(&actions_) == 0);
        SR_ASSERT(::posix_spawnattr_init(&attributes_) == 0);
        sigset_t none;
        (void)::sigemptyset(&none);  // Fails for no valid set.
        sigset_t all;
        (void)::sigfillset(&all);
        // A program starts as if from a shell: nothing blocked, nothing ignored.
        add(::posix_spawnattr_setsigmask(&attributes_, &none));
        add(::posix_spawnattr_setsigdefault(&attributes_, &all));
        add(::posix_spawnattr_setflags(&attributes_,
                                       POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;
    ~SpawnPlan() {
        (void)::posix_spawn_file_actions_destroy(&actions_);  // Frees memory only.
        (void)::posix_spawnattr_destroy(&attributes_);
    }

    void open_null(int number) {
        add(::posix_spawn_file_actions_addopen(&actions_, number, "/dev/null", O_RDWR, 0));
    }
    void pass(int own, int number) {
        add(::posix_spawn_file_actions_adddup2(&actions_, own, number));
    }
    int start(const std::string& path, char* const* argv, pid_t& pid) const {
        if (code_ != 0) return code_;
        char* const no_environment = nullptr;
        return ::posix_spawn(&pid, path.c_str(), &actions_, &attributes_, argv, &no_environment);
    }

 private:
    void add(int code) {
        if (code_ == 0) code_ = code;
    }

    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
    int code_ = 0;
};

}  // namespace

Result<ChildProgram> ChildProgram::start(const std::string& path, std::vector<std::string> argv,
                                         std::span<const PassedFd> passed, bool shares_stderr) {
    SpawnPlan plan;
    plan.open_null(STDIN_FILENO);
    plan.open_null(STDOUT_FILENO);
    if (!shares_stderr) plan.open_null(STDERR_FILENO);
    // From copies that lie above all targets: no dup2 overwrites what a later one needs.
    std::vector<UniqueFd> copies;
    for (const PassedFd& each : passed) {
        copies.emplace_back(::fcntl(each.own, F_DUPFD_CLOEXEC, 64));
        if (!copies.back()) return fail_errno("pass descriptor {} to '{}'", each.own, path);
        plan.pass(copies.back().get(), each.number);
    }
    std::vector<char*> words;
    words.reserve(argv.size() + 1);
    for (std::string& word : argv) words.push_back(word.data());
    words.push_back(nullptr);
    pid_t pid = -1;
    if (const int code = plan.start(path, words.data(), pid); code != 0)
        return fail(code, "execute '{}'", path);
    return ChildProgram(pid);
}

ChildProgram::ChildProgram(ChildProgram&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}

ChildProgram::~ChildProgram() {
    if (pid_ < 0) return;
    kill();
    (void)wait();  // How it ended is of no interest any more.
}

void ChildProgram::kill() const {
    if (pid_ > 0) (void)::kill(pid_, SIGKILL);  // It is not reaped, so the number is still its.
}

Result<std::string> ChildProgram::wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0)
        if (errno != EINTR) return fail_errno("wait for process {}", pid_);
    pid_ = -1;
    if (WIFSIGNALED(status)) {
        const char* const name = ::sigabbrev_np(WTERMSIG(status));
        return fmt::format("killed by SIG{}", name != nullptr ? name : "?");
    }
    if (WEXITSTATUS(status) != 0) return fmt::format("exit status {}", WEXITSTATUS(status));
    return std::string();
}

}  // namespace shardrun::sys
