#pragma once

#include <cstdint>

namespace shardrun::proto {

/// Numbers of the optional fields: the low 15 bits of a TLV's tag. One number means one thing in
/// every message, and a number that was given is never given again. shardrun-protocol(7) lists them
/// all (tests/style/protocol_tags.py holds it to that).
enum class Tag : std::uint16_t {
    // Anywhere.
    shard = 0x0001,
    reason = 0x0002,
    digest = 0x0003,

    // ShardLimits.
    cpu_max_millicores = 0x0101,
    cpu_weight = 0x0102,
    cpuset_cpus = 0x0103,
    memory_high_bytes = 0x0104,
    memory_max_bytes = 0x0105,
    memory_swap_max_bytes = 0x0106,
    pids_max = 0x0107,
    io_max = 0x0108,
    io_weight = 0x0109,
    tmpfs_size_max_bytes = 0x010a,
    files_max = 0x010b,

    // ShardOptions.
    network = 0x0201,
    seccomp_profile = 0x0202,
    hostname = 0x0203,
    user_namespace = 0x0204,
    capability = 0x0205,
    image = 0x0206,

    // ProgramOptions.
    argument = 0x0301,
    environment = 0x0302,
    cwd = 0x0303,
    terminal = 0x0304,

    // ShardAssignment.
    state = 0x0401,
    options = 0x0402,
    unenforced = 0x0403,
    shard_uid = 0x0404,
    owner_uid = 0x0405,
    profile = 0x0406,
    cgroup = 0x0407,
    init_pid = 0x0408,
    program_row = 0x0409,
    exit = 0x040a,
    created_us_ago = 0x040b,
    prepare_us = 0x040c,
    warm = 0x040d,
    fd_role = 0x040e,

    // ShardStatus.
    reported_load = 0x0501,
    reported_queue = 0x0502,
    cpu_usage_us = 0x0503,
    cpu_throttled_us = 0x0504,
    cpu_throttled_periods = 0x0505,
    memory_current_bytes = 0x0506,
    memory_peak_bytes = 0x0507,
    memory_swap_bytes = 0x0508,
    oom_kills = 0x0509,
    pids_current = 0x050a,
    pids_refused = 0x050b,
    io_read_bytes = 0x050c,
    io_write_bytes = 0x050d,
    network_received_bytes = 0x050e,
    network_sent_bytes = 0x050f,
    tmpfs_used_bytes = 0x0510,
    cpu_pressure = 0x0511,
    memory_pressure = 0x0512,
    io_pressure = 0x0513,
    limits = 0x0514,

    // PrefetchRequest and PrefetchResponse.
    probability = 0x0601,
    deadline_ms = 0x0602,
    size_bytes = 0x0603,
    elapsed_us = 0x0604,
    data = 0x0605,
};

/// Set in a tag on the wire: a receiver that does not know the number must refuse the frame.
inline constexpr std::uint16_t kCriticalBit = 0x8000;

}  // namespace shardrun::proto
