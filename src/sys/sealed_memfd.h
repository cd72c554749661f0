#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::sys {

enum class MemfdUse { data, program };

/// An anonymous file with these bytes that nobody can change any more, its owner included. Source:
/// memfd_create(2).
Result<UniqueFd> make_sealed_memfd(const std::string& name, std::span<const std::byte> bytes,
                                   MemfdUse use);

}  // namespace shardrun::sys
