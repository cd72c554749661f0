#pragma once

#include "shardrun/error.h"
#include "shardrun/messages.h"

namespace shardrun::cli {

// As env(1), nohup(1) and timeout(1) use them.
inline constexpr int kTimedOutStatus = 124;
inline constexpr int kOwnFailureStatus = 125;
inline constexpr int kNotExecutableStatus = 126;
inline constexpr int kNotFoundStatus = 127;

/// The exit status of `shardrun run` for a program that ended: its own, or 128 + the signal.
int exit_status_of(const ProgramExit& exit);

/// For a program that could not be started. `is_exec_failure`: its shard was there and executing
/// the program is what failed.
int exit_status_of(const Error& error, bool is_exec_failure);

}  // namespace shardrun::cli
