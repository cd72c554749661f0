#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "blob/digest.h"
#include "shardrun/error.h"

/// What goes between the streamer and whoever runs it: packets of one message or several, over a
/// socket that nobody else has. Numbers are little-endian.
///
///   offset  size  Fill                     Promote, Cancel    Report
///   0       1     type 1                   type 2, 3          type 4
///   1       1     urgency: 0 prefetch,     0                  outcome
///                 1 demand
///   2       1     residence                0                  0
///   3       1     0                        0                  0
///   4       4     0                        0                  errno value or 0
///   8       8     job                      job                job
///   16      8     size in bytes                               bytes written
///   24      8     0                                           nanoseconds
///   32      32    SHA-256
///
/// Each Fill carries two descriptors, those of the first one first: source, open for reading from
/// its beginning and for nobody else, and destination, open for writing.
namespace shardrun::streamer {

enum class JobId : std::uint64_t {};

enum class Urgency : std::uint8_t { prefetch, demand };

/// Whether the source's beginning is in the page cache, as far as the sender can tell.
enum class Residence : std::uint8_t { unknown, cached, absent };

struct FillOrder {
    JobId job{};
    std::uint64_t size_bytes = 0;
    blob::Digest digest;
    Urgency urgency = Urgency::prefetch;
    Residence residence = Residence::unknown;

    bool operator==(const FillOrder&) const = default;
};
struct PromoteOrder {
    JobId job{};
    bool operator==(const PromoteOrder&) const = default;
};
struct CancelOrder {
    JobId job{};
    bool operator==(const CancelOrder&) const = default;
};
using Order = std::variant<FillOrder, PromoteOrder, CancelOrder>;

enum class Outcome : std::uint8_t {
    complete,      ///< every byte written, and their digest is right
    wrong_size,    ///< the source is shorter or longer
    wrong_digest,  ///< the bytes are others
    failed,        ///< `code` says why
    cancelled,
};

/// Sent when the streamer has closed its descriptors of the job.
struct Report {
    JobId job{};
    Outcome outcome = Outcome::complete;
    int code = 0;  ///< errno value of what failed
    std::uint64_t written_bytes = 0;
    std::uint64_t elapsed_ns = 0;  ///< since the order came

    bool operator==(const Report&) const = default;
};

inline constexpr std::size_t kMessageSizeMax = 64;
inline constexpr std::size_t kMessagesPerPacketMax = 64;
inline constexpr std::size_t kPacketSizeMax = kMessagesPerPacketMax * kMessageSizeMax;
/// Larger files than a file system has.
inline constexpr std::uint64_t kFillSizeMax = std::uint64_t{1} << 60U;

std::vector<std::byte> encode(const Order& order);
std::vector<std::byte> encode(const Report& report);
/// All of a packet, at least one. Errors: EPROTO.
Result<std::vector<Order>> decode_orders(std::span<const std::byte> bytes);
Result<std::vector<Report>> decode_reports(std::span<const std::byte> bytes);

}  // namespace shardrun::streamer
