#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/fail.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/program_places.h"
#include "cli/run_here.h"

/// Commands that are programs of their own, so that the front command stays small, static and
/// quick to start. Each lies beside us or where it is installed.
namespace shardrun::cli {
namespace {

/// Becomes the program; returns only when that failed.
Error become(const std::string& program, const Arguments& arguments) {
    Arguments words = arguments;
    words.insert(words.begin(), program);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::vector<std::string> places = places_of(program);
    for (const std::string& path : places)
        (void)::execv(path.c_str(), argv.data());  // Returns only when it failed.
    const int code = errno;
    return Error{code, fmt::format("execute '{}': {}; install shardrun again", places.back(),
                                   errno_text(code))};
}

int complain_of(const Error& error) {
    complain(error.message);
    return kFailure;
}

}  // namespace

int run_command(const Arguments& arguments) {
    const auto other = [](const Arguments& words) { return become("shardrun-run", words); };
    return run_here(arguments, {{}, other});
}

int serve_command(const Arguments& arguments) {
    return complain_of(become("shardrun-serve", arguments));
}

int replay_command(const Arguments& arguments) {
    return complain_of(become("shardrun-replay", arguments));
}

int blob_command(const Arguments& arguments) {
    Arguments words = arguments;
    words.insert(words.begin(), "blob");
    return complain_of(become("shardrun-store", words));
}

int image_command(const Arguments& arguments) {
    Arguments words = arguments;
    words.insert(words.begin(), "image");
    return complain_of(become("shardrun-store", words));
}

}  // namespace shardrun::cli
