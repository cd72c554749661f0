#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "shardrun/error.h"
#include "shardrun/messages.h"

/// Numbers with units as people write them on a command line. All pure; a refusal is one sentence
/// that says what would do.
namespace shardrun::cli {

/// "4096", "512M", "1.5G": bytes, with K, M, G, T as powers of 1024 (also KiB, KB, k). Errors:
/// EINVAL, ERANGE above 2^63.
Result<std::uint64_t> parse_size(std::string_view text);

/// "1.5" cores → 1500 millicores. Errors: EINVAL, ERANGE outside 0.01 .. 1024.
Result<std::uint32_t> parse_cpus(std::string_view text);

/// A whole number between `min` and `max`. Errors: EINVAL, ERANGE.
Result<std::uint64_t> parse_count(std::string_view text, std::uint64_t min, std::uint64_t max);

/// "30", "1.5s", "500ms", "2m", "1h". Errors: EINVAL, ERANGE above 365 days.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// "TERM", "SIGTERM", "15". Errors: EINVAL, ERANGE outside 1 .. 64.
Result<int> parse_signal(std::string_view text);

/// cpuset(7): "0-3,7". Gives the text back. Errors: EINVAL.
Result<std::string> parse_cpuset(std::string_view text);

/// A host name: 1 to 64 letters, digits, '-' and '.', not beginning with '-' or '.'. Errors:
/// EINVAL.
Result<std::string> parse_hostname(std::string_view text);

/// Says which block device a path is: (major, minor).
using DeviceResolver =
    std::function<Result<std::pair<std::uint32_t, std::uint32_t>>(std::string_view path)>;

/// "DEVICE:rbps=10M,wiops=100" or "8:0 rbps=10M wiops=100": one line of io.max. DEVICE is
/// MAJOR:MINOR or a path for `resolve`. Errors: EINVAL, and those of `resolve`.
Result<IoLimit> parse_io_limit(std::string_view text, const DeviceResolver& resolve);

/// A DeviceResolver for places where only MAJOR:MINOR may stand.
Result<std::pair<std::uint32_t, std::uint32_t>> refuse_device_path(std::string_view path);

}  // namespace shardrun::cli
