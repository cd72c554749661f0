#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "shardrun/error.h"

/// Reading and writing that goes on where a signal or a short count stopped it.
namespace shardrun::sys {

/// Writes all of it. Errors: ENOSPC, EPIPE, EIO, as write(2) has them.
Result<void> write_all(int fd, std::span<const std::byte> bytes);

/// Some bytes from where the descriptor stands; 0 at the end.
Result<std::size_t> read_some(int fd, std::span<std::byte> bytes);

/// Fills all of `bytes` from `offset` on, less only at the file's end; says how many.
Result<std::size_t> read_at(int fd, std::span<std::byte> bytes, std::uint64_t offset);

/// The rest of the file. Errors: EFBIG beyond `size_max`.
Result<std::vector<std::byte>> read_rest(int fd, std::size_t size_max);

/// fstat(2).
Result<struct stat> status_of(int fd);

}  // namespace shardrun::sys
