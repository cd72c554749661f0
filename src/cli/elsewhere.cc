#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/fail.h"
#include "cli/command.h"
#include "cli/output.h"

/// Commands that are programs of their own, so that the front command stays small, static and
/// quick to start. Each lies beside us or where it is installed.
namespace shardrun::cli {
namespace {

std::string own_folder() {
    std::string path(4096, '\0');
    const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
    path.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return path.substr(0, path.rfind('/') + 1);
}

/// Becomes the program; returns only when that failed, with the exit status.
int become(const std::string& program, const Arguments& arguments) {
    Arguments words = arguments;
    words.insert(words.begin(), program);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    // Beside us first: a build's command must not become an installed program.
    const std::string installed = SHARDRUN_LIBEXEC "/" + program;
    for (const std::string& path : {own_folder() + program, installed})
        (void)::execv(path.c_str(), argv.data());  // Returns only when it failed.
    complain(fmt::format("execute '{}': {}; install shardrun again", installed, errno_text(errno)));
    return kFailure;
}

}  // namespace

int serve_command(const Arguments& arguments) {
    return become("shardrun-serve", arguments);
}

int replay_command(const Arguments& arguments) {
    return become("shardrun-replay", arguments);
}

}  // namespace shardrun::cli
