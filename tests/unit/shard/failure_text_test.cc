#include "shard/failure_text.h"

#include <doctest/doctest.h>
#include <errno.h>

#include <cstring>
#include <set>

namespace shardrun::shard {
namespace {

using zygote::Failure;
using zygote::Step;

Failure failure_of(Step step, int error, const char* object = "") {
    Failure failure{step, error, {}};
    std::strncpy(failure.object, object, sizeof(failure.object) - 1);
    return failure;
}

}  // namespace

TEST_CASE("describe_failure has words of its own for every step") {
    std::set<std::string> seen;
    for (std::uint32_t step = 1; step < static_cast<std::uint32_t>(Step::last); ++step) {
        const Error error = describe_failure(failure_of(static_cast<Step>(step), EIO));
        CHECK(error.code == EIO);
        CHECK_MESSAGE(error.message.find("unknown") == std::string::npos, step);
        CHECK_MESSAGE(seen.insert(error.message).second, error.message);
    }
}

TEST_CASE("describe_failure of a step that this build does not know still is a sentence") {
    const Error error = describe_failure(failure_of(static_cast<Step>(9999), EPERM, "x"));
    CHECK(error.message == "an unknown step 'x': Operation not permitted");
}

TEST_CASE("describe_failure names the object, and one that fills its field to the end") {
    CHECK(describe_failure(failure_of(Step::make_file, ENOSPC, "run/passwd"))
              .message.starts_with("make file 'run/passwd': "));
    Failure full{Step::execute, ENOENT, {}};
    std::memset(full.object, 'x', sizeof(full.object));
    const std::string message = describe_failure(full).message;
    CHECK(message.find("'" + std::string(sizeof(full.object), 'x') + "'") != std::string::npos);
}

TEST_CASE("describe_failure says what mends the failures that people cause") {
    const auto message = [](Step step, int error) {
        return describe_failure(failure_of(step, error, "thing")).message;
    };
    CHECK(message(Step::execute, ENOENT).find("shard.read_only_paths") != std::string::npos);
    CHECK(message(Step::execute, ENOEXEC).find("#!") != std::string::npos);
    CHECK(message(Step::execute, E2BIG).find("fewer or shorter") != std::string::npos);
    CHECK(message(Step::clone_runner, EAGAIN).find("pids.max") != std::string::npos);
    CHECK(message(Step::clone_init, ENOSPC).find("user.max_*_namespaces") != std::string::npos);
    CHECK(message(Step::change_directory, ENOENT).find("working directory") != std::string::npos);
    CHECK(message(Step::set_file_limit, EPERM).find("files_max") != std::string::npos);
}

}  // namespace shardrun::shard
