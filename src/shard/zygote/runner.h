#pragma once

#include "shard/zygote/init.h"

namespace shardrun::shard::zygote {

/// Who a runner becomes.
struct RunnerIdentity {
    std::uint32_t uid = 0;  ///< as seen inside
    std::uint64_t capabilities = 0;
    bool in_user_namespace = false;
    bool filter_early = false;
    Filter filter;
    int launch_socket = 0;
};

/// Drops everything, waits for one RunOrder on its launch socket and executes it. Any failure is
/// told there. The socket closes by the exec itself: that is how the supervisor learns that it went
/// well.
[[noreturn]] void run_runner(const RunnerIdentity& identity);

}  // namespace shardrun::shard::zygote
