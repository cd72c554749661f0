#include "bench/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "base/fail.h"

namespace shardrun::bench {
namespace {

constexpr int kPassedFd = 9;

}  // namespace

int null_device() {
    static const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    return null.get();
}

Result<pid_t> spawn(const std::vector<std::string>& argv, const std::string& opened_at_9) {
    posix_spawn_file_actions_t actions;
    (void)::posix_spawn_file_actions_init(&actions);  // Cannot fail in glibc.
    int failed = 0;
    for (int number = 0; number < 3 && failed == 0; ++number)
        failed = ::posix_spawn_file_actions_adddup2(&actions, null_device(), number);
    if (failed == 0 && !opened_at_9.empty())
        failed = ::posix_spawn_file_actions_addopen(&actions, kPassedFd, opened_at_9.c_str(),
                                                    O_RDONLY, 0);
    std::vector<char*> words;
    words.reserve(argv.size() + 1);
    for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    pid_t pid = 0;
    if (failed == 0)
        failed = ::posix_spawn(&pid, argv[0].c_str(), &actions, nullptr, words.data(), environ);
    (void)::posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) return fail(failed, "start '{}'", argv[0]);
    return pid;
}

Result<void> await_success(pid_t pid, const std::string& name) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return fail_errno("wait for '{}'", name);
    if (status == 0) return {};
    return refuse(EIO, "'{}' ended with wait status {}", name, status);
}

std::string find_program(const std::string& name) {
    for (const char* folder : {"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"}) {
        std::string path = folder + name;
        if (::access(path.c_str(), X_OK) == 0) return path;
    }
    return "";
}

TempFolder::TempFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "shardrun-bench-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
    SR_ASSERT(!path_.empty());
    // Containers' root folders lie in it, and their programs are not root.
    std::filesystem::permissions(path_, std::filesystem::perms(0755));
}

TempFolder::~TempFolder() {
    std::error_code ignored;  // It is in the folder for temporary things.
    std::filesystem::remove_all(path_, ignored);
}

}  // namespace shardrun::bench
