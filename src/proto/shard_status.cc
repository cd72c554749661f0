#include "proto/shard_status.h"

#include "proto/limits.h"
#include "proto/shard_limits.h"

namespace shardrun::proto {
namespace {

/// | u16 | some_avg10 | 0..10000 |
/// | u16 | full_avg10 | 0..10000 |
constexpr auto kDescribePressure = [](auto& fields, auto& pressure) {
    fields.number("some_avg10", pressure.some_avg10, {0, kShareMax});
    fields.number("full_avg10", pressure.full_avg10, {0, kShareMax});
};

/// | 0x0503 | u64      | cpu_usage_us           |
/// | 0x0504 | u64      | cpu_throttled_us       |
/// | 0x0505 | u64      | cpu_throttled_periods  |
/// | 0x0506 | u64      | memory_current_bytes   |
/// | 0x0507 | u64      | memory_peak_bytes      |
/// | 0x0508 | u64      | memory_swap_bytes      |
/// | 0x0509 | u64      | oom_kills              |
/// | 0x050a | u64      | pids_current           |
/// | 0x050b | u64      | pids_refused           |
/// | 0x050c | u64      | io_read_bytes          |
/// | 0x050d | u64      | io_write_bytes         |
/// | 0x050e | u64      | network_received_bytes |
/// | 0x050f | u64      | network_sent_bytes     |
/// | 0x0510 | u64      | tmpfs_used_bytes       |
/// | 0x0511 | pressure | cpu_pressure           |
/// | 0x0512 | pressure | memory_pressure        |
/// | 0x0513 | pressure | io_pressure            |
template <class Fields>
void describe_measured(Fields& fields, Of<Fields, ShardStatus>& status) {
    fields.optional(Tag::cpu_usage_us, "cpu_usage_us", status.cpu_usage_us);
    fields.optional(Tag::cpu_throttled_us, "cpu_throttled_us", status.cpu_throttled_us);
    fields.optional(Tag::cpu_throttled_periods, "cpu_throttled_periods",
                    status.cpu_throttled_periods);
    fields.optional(Tag::memory_current_bytes, "memory_current_bytes", status.memory_current_bytes);
    fields.optional(Tag::memory_peak_bytes, "memory_peak_bytes", status.memory_peak_bytes);
    fields.optional(Tag::memory_swap_bytes, "memory_swap_bytes", status.memory_swap_bytes);
    fields.optional(Tag::oom_kills, "oom_kills", status.oom_kills);
    fields.optional(Tag::pids_current, "pids_current", status.pids_current);
    fields.optional(Tag::pids_refused, "pids_refused", status.pids_refused);
    fields.optional(Tag::io_read_bytes, "io_read_bytes", status.io_read_bytes);
    fields.optional(Tag::io_write_bytes, "io_write_bytes", status.io_write_bytes);
    fields.optional(Tag::network_received_bytes, "network_received_bytes",
                    status.network_received_bytes);
    fields.optional(Tag::network_sent_bytes, "network_sent_bytes", status.network_sent_bytes);
    fields.optional(Tag::tmpfs_used_bytes, "tmpfs_used_bytes", status.tmpfs_used_bytes);
    fields.record(Tag::cpu_pressure, "cpu_pressure", status.cpu_pressure, kDescribePressure);
    fields.record(Tag::memory_pressure, "memory_pressure", status.memory_pressure,
                  kDescribePressure);
    fields.record(Tag::io_pressure, "io_pressure", status.io_pressure, kDescribePressure);
}

/// | offset | type   | field          | bounds                                          |
/// |      0 | u64    | shard          |                                                 |
/// | 0x0501 | u16    | reported_load  | 0..10000                                        |
/// | 0x0502 | u32    | reported_queue |                                                 |
/// | 0x05.. |        | measured       | above                                           |
/// | 0x0514 | fields | limits         | the optional fields of ShardLimits              |
template <class Fields>
void describe(Fields& fields, Of<Fields, ShardStatus>& status) {
    fields.number("shard", status.shard);
    fields.optional(Tag::reported_load, "reported_load", status.reported_load, {0, kShareMax});
    fields.optional(Tag::reported_queue, "reported_queue", status.reported_queue);
    describe_measured(fields, status);
    fields.group(Tag::limits, "limits", status.limits,
                 [](auto& inner, auto& limits) { describe_shard_limits(inner, limits); });
}

}  // namespace

DecodedBody<ShardStatus> decode_shard_status(std::span<const std::byte> body) {
    return decode_body<ShardStatus>("ShardStatus", body,
                                    [](auto& in, auto& message) { describe(in, message); });
}

Result<void> encode_shard_status(ByteWriter& out, const ShardStatus& message) {
    return encode_body("ShardStatus", out, message, false,
                       [](auto& writer, auto& value) { describe(writer, value); });
}

}  // namespace shardrun::proto
