#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "blob/digest.h"
#include "shardrun/error.h"

/// What goes between the fetcher and whoever runs it: packets of one message each, over a socket
/// that nobody else has. Numbers are little-endian.
///
///   offset  size  Fetch                    Promote, Cancel    Report
///   0       1     type 1                   type 2, 3          type 4
///   1       1     urgency: 0 prefetch,     0                  outcome
///                 1 demand
///   2       2     0                        0                  origin, or 0xffff: none
///   4       2     0                        0                  errno value or 0
///   6       2     0                        0                  HTTP status or 0
///   8       8     job                      job                job
///   16      8     size in bytes,                              bytes written
///                 0: unknown
///   24      8     largest size in bytes                       nanoseconds
///   32      32    SHA-256                                     32: attempts (4 bytes)
///   36                                                        length of the reason (2 bytes)
///   38                                                        0 (2 bytes)
///   40                                                        the reason, printable ASCII
///
/// A Fetch carries one descriptor: an empty file, open for reading and writing.
namespace shardrun::fetcher {

enum class JobId : std::uint64_t {};

enum class Urgency : std::uint8_t { prefetch, demand };

struct FetchOrder {
    JobId job{};
    std::uint64_t size_bytes = 0;      ///< 0: unknown
    std::uint64_t size_max_bytes = 0;  ///< a longer blob is refused
    blob::Digest digest;
    Urgency urgency = Urgency::prefetch;

    bool operator==(const FetchOrder&) const = default;
};
struct PromoteOrder {
    JobId job{};
    bool operator==(const PromoteOrder&) const = default;
};
struct CancelOrder {
    JobId job{};
    bool operator==(const CancelOrder&) const = default;
};
using Order = std::variant<FetchOrder, PromoteOrder, CancelOrder>;

enum class Outcome : std::uint8_t {
    complete,      ///< the file has every byte, on disk, and their digest is right
    not_found,     ///< no origin has it
    wrong_digest,  ///< an origin has other bytes under its name, and none has the right ones
    too_large,     ///< it would be longer than allowed
    failed,        ///< `code`, `http_status` and `reason` say why
    cancelled,
};

inline constexpr std::uint16_t kOriginNone = 0xffff;

/// Sent when the fetcher has closed its descriptor of the job. Unless it is complete, the file
/// holds anything.
struct Report {
    JobId job{};
    Outcome outcome = Outcome::complete;
    std::uint16_t origin = kOriginNone;  ///< index of the one that decided the outcome
    int code = 0;                        ///< errno value of what failed
    unsigned http_status = 0;            ///< of its last answer
    std::uint64_t size_bytes = 0;        ///< what is in the file
    std::uint64_t elapsed_ns = 0;        ///< since the order came
    std::uint32_t attempts = 0;          ///< requests made, of all origins
    /// What went wrong, in words, with the origins' names: also of those that another one made up
    /// for.
    std::string reason{};

    bool operator==(const Report&) const = default;
};

inline constexpr std::size_t kReasonSizeMax = 640;
inline constexpr std::size_t kOrderSizeMax = 64;
inline constexpr std::size_t kReportSizeMax = 40 + kReasonSizeMax;
/// Larger files than a file system has.
inline constexpr std::uint64_t kFetchSizeMax = std::uint64_t{1} << 60U;

std::vector<std::byte> encode(const Order& order);
/// A reason that is too long is cut, and what is not printable is replaced.
std::vector<std::byte> encode(const Report& report);
/// Errors: EPROTO.
Result<Order> decode_order(std::span<const std::byte> bytes);
Result<Report> decode_report(std::span<const std::byte> bytes);

/// Printable ASCII, a '?' for each other byte, and an end that says so when it is cut.
std::string printable(std::string_view text, std::size_t size_max);

}  // namespace shardrun::fetcher
