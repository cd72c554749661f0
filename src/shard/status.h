#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "shardrun/error.h"
#include "shardrun/messages.h"
#include "sys/cgroup_dir.h"

namespace shardrun::shard {

/// The number behind `key` in a text of "key number" lines; absent: nothing. Pure.
std::optional<std::uint64_t> find_number(std::string_view text, std::string_view key);

/// A pressure file: "some avg10=1.23 …\nfull avg10=0.00 …". Pure.
std::optional<Pressure> parse_pressure(std::string_view text);

/// Sum over devices of one column ("rbytes") of io.stat. Pure.
std::uint64_t sum_io(std::string_view text, std::string_view column);

/// Bytes received and sent over all interfaces but lo, from the text of net/dev. Pure.
struct NetworkBytes {
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
};
NetworkBytes sum_network(std::string_view text);

/// Reads what the kernel counts of a shard; figures of controllers that are not there stay absent.
ShardStatus measure(const sys::CgroupDir& cgroup, pid_t init_pid, int tmpfs);

/// How often the shard's memory limit killed something.
std::uint64_t count_oom_kills(const sys::CgroupDir& cgroup);

}  // namespace shardrun::shard
