#pragma once

#include <optional>
#include <string>
#include <vector>

#include "shard/spec.h"
#include "shardrun/error.h"
#include "sys/fd_table.h"
#include "sys/unique_fd.h"

namespace shardrun::shard {

/// Sends one program to a parked runner. `stdio` are borrowed. Errors: E2BIG when arguments and
/// environment are longer than the kernel takes, EPIPE when the runner is gone.
Result<void> send_program(int launch_socket, const ProgramSpec& program,
                          const std::vector<int>& stdio);

/// What a runner's launch socket says. `executed`: it closed without a word, so the exec went well.
struct RunnerNews {
    enum class Kind { nothing, terminal, failed, executed } kind = Kind::nothing;
    sys::UniqueFd terminal;
    std::optional<Error> error;
};
RunnerNews read_runner_news(int launch_socket);

}  // namespace shardrun::shard
