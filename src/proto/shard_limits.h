#pragma once

#include "proto/field.h"
#include "proto/limits.h"
#include "proto/tag.h"
#include "shardrun/messages.h"

namespace shardrun::proto {

/// The value of io_max, 44 bytes:
///
/// | offset | type | field                                                            |
/// |      0 | u32  | major                                                            |
/// |      4 | u32  | minor                                                            |
/// |      8 | u32  | which of the four are limited: 1, 2, 4, 8, in the order below    |
/// |     12 | u64  | read_bytes_per_second; 0 where not limited, never where limited  |
/// |     20 | u64  | write_bytes_per_second                                           |
/// |     28 | u64  | read_ops_per_second                                              |
/// |     36 | u64  | write_ops_per_second                                             |
template <class Fields>
void describe_io_limit(Fields& fields, Of<Fields, IoLimit>& limit) {
    auto* const rates = &limit;
    std::uint32_t limited =
        (rates->read_bytes_per_second ? 1U : 0U) | (rates->write_bytes_per_second ? 2U : 0U) |
        (rates->read_ops_per_second ? 4U : 0U) | (rates->write_ops_per_second ? 8U : 0U);
    fields.number("major", limit.major);
    fields.number("minor", limit.minor);
    fields.number("limited", limited, {0, 15});
    const auto rate = [&](std::string_view field, auto& value, std::uint32_t bit) {
        std::uint64_t figure = value.value_or(0);
        const bool is_limited = (limited & bit) != 0;
        fields.number(field, figure, is_limited ? Bounds{.min = 1} : Bounds{.max = 0});
        if constexpr (!std::is_const_v<std::remove_reference_t<decltype(value)>>)
            if (is_limited) value = figure;
    };
    rate("read_bytes_per_second", limit.read_bytes_per_second, 1);
    rate("write_bytes_per_second", limit.write_bytes_per_second, 2);
    rate("read_ops_per_second", limit.read_ops_per_second, 4);
    rate("write_ops_per_second", limit.write_ops_per_second, 8);
}

/// | tag    | value | field                 | bounds                    |
/// | 0x0101 | u32   | cpu_max_millicores    |                           |
/// | 0x0102 | u32   | cpu_weight            | 1..10000                  |
/// | 0x0103 | text  | cpuset_cpus           | 0..1024 bytes             |
/// | 0x0104 | u64   | memory_high_bytes     |                           |
/// | 0x0105 | u64   | memory_max_bytes      |                           |
/// | 0x0106 | u64   | memory_swap_max_bytes |                           |
/// | 0x0107 | u64   | pids_max              |                           |
/// | 0x0108 | above | io_max                | 0..64 times               |
/// | 0x0109 | u32   | io_weight             | 1..10000                  |
/// | 0x010a | u64   | tmpfs_size_max_bytes  |                           |
/// | 0x010b | u64   | files_max             |                           |
template <class Fields>
void describe_shard_limits(Fields& fields, Of<Fields, ShardLimits>& limits) {
    fields.optional(Tag::cpu_max_millicores, "cpu_max_millicores", limits.cpu_max_millicores);
    fields.optional(Tag::cpu_weight, "cpu_weight", limits.cpu_weight, {kWeightMin, kWeightMax});
    fields.optional_text(Tag::cpuset_cpus, "cpuset_cpus", limits.cpuset_cpus,
                         {0, kCpusetLengthMax});
    fields.optional(Tag::memory_high_bytes, "memory_high_bytes", limits.memory_high_bytes);
    fields.optional(Tag::memory_max_bytes, "memory_max_bytes", limits.memory_max_bytes);
    fields.optional(Tag::memory_swap_max_bytes, "memory_swap_max_bytes",
                    limits.memory_swap_max_bytes);
    fields.optional(Tag::pids_max, "pids_max", limits.pids_max);
    fields.repeated(Tag::io_max, "io_max", limits.io_max, {0, kIoLimitCountMax},
                    [](auto& inner, auto& limit) { describe_io_limit(inner, limit); });
    fields.optional(Tag::io_weight, "io_weight", limits.io_weight, {kWeightMin, kWeightMax});
    fields.optional(Tag::tmpfs_size_max_bytes, "tmpfs_size_max_bytes", limits.tmpfs_size_max_bytes);
    fields.optional(Tag::files_max, "files_max", limits.files_max);
}

}  // namespace shardrun::proto
