#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fetcher/origin.h"
#include "shardrun/error.h"

namespace shardrun::fetcher {

/// How often and how long one blob is tried for.
struct RetryPolicy {
    /// Requests in a row to one origin that bring nothing new; then the next origin's turn comes.
    unsigned attempts_max = 4;
    std::chrono::milliseconds backoff_first{250};  ///< doubled from attempt to attempt
    std::chrono::milliseconds backoff_max{8'000};
    /// What a server may ask for by Retry-After.
    std::chrono::milliseconds retry_after_max{30'000};
    std::chrono::milliseconds deadline{600'000};  ///< for all of it

    bool operator==(const RetryPolicy&) const = default;
};

struct FetchOptions {
    std::vector<Origin> origins;  ///< in the order they are asked
    RetryPolicy retry;
    unsigned transfers_max = 16;  ///< at once; prefetches leave a quarter of them free
    std::chrono::milliseconds connect_timeout{10'000};
    /// A transfer that brings less than stall_bytes_per_s for this long is given up. libcurl takes
    /// the mean of the last five seconds, so one that was quick before has those in addition.
    std::chrono::seconds stall_time{10};
    std::uint64_t stall_bytes_per_s = 1;
    std::uint64_t seed = 0;  ///< of the jitter; 0: of the clock
    std::string ca_file;     ///< certificates to trust in place of the system's; empty: those

    bool operator==(const FetchOptions&) const = default;
};

/// As the fetcher's command line: "transfers=16" and so on, then one "origin=…" each.
std::vector<std::string> to_arguments(const FetchOptions& options);
/// Errors: EINVAL.
Result<FetchOptions> parse_arguments(std::span<const char* const> arguments);

}  // namespace shardrun::fetcher
