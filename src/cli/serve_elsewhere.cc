#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/fail.h"
#include "cli/command.h"
#include "cli/output.h"

/// `shardrun serve`: the supervisor is the program shardrun-serve, beside us or where it is
/// installed.
namespace shardrun::cli {
namespace {

std::string own_folder() {
    std::string path(4096, '\0');
    const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
    path.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return path.substr(0, path.rfind('/') + 1);
}

}  // namespace

int serve_command(const Arguments& arguments) {
    Arguments words = arguments;
    words.insert(words.begin(), "shardrun-serve");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    // Beside us first: a build's command must not serve with an installed supervisor.
    for (const std::string& path :
         {own_folder() + "shardrun-serve", std::string(SHARDRUN_LIBEXEC "/shardrun-serve")})
        (void)::execv(path.c_str(), argv.data());  // Returns only when it failed.
    complain(fmt::format("execute '{}': {}; install shardrun again",
                         SHARDRUN_LIBEXEC "/shardrun-serve", errno_text(errno)));
    return kFailure;
}

}  // namespace shardrun::cli
