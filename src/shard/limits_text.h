#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shardrun/messages.h"

namespace shardrun::shard {

/// One write to one attribute of a shard's cgroup, and whose limit it is.
struct AttributeWrite {
    std::string attribute;
    std::string value;
    Controller controller{};

    bool operator==(const AttributeWrite&) const = default;
};

/// The writes that bring a cgroup from `old` to `wanted` limits; for a new one, `old` is empty.
/// What is absent in `wanted` stays as it is. memory.max shrinks only after memory.high did. Pure.
std::vector<AttributeWrite> plan_limit_writes(const ShardLimits& old, const ShardLimits& wanted);

/// The controllers that these limits need, as Controller bits.
std::uint32_t controllers_of(const ShardLimits& limits);

/// "cpu, memory": names of Controller bits.
std::string controller_names(std::uint32_t controllers);

}  // namespace shardrun::shard
