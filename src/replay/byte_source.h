#pragma once

#include <cstddef>
#include <span>

#include "shardrun/error.h"

namespace shardrun::replay {

/// Where the bytes of a trace come from; the cli makes the real one, tests their own.
class ByteSource {
 public:
    ByteSource() = default;
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;
    virtual ~ByteSource() = default;

    /// Fills a beginning of `buffer`, which is not empty; 0 is the end, for good.
    virtual Result<std::size_t> read(std::span<char> buffer) = 0;
};

}  // namespace shardrun::replay
