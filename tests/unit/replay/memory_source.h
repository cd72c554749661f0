#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "base/rng.h"
#include "replay/byte_source.h"

namespace shardrun::replay {

/// Bytes in pieces of 1 to `piece_max`.
class MemorySource : public ByteSource {
 public:
    explicit MemorySource(std::string bytes, std::size_t piece_max = 1U << 20U)
        : bytes_(std::move(bytes)), piece_max_(piece_max) {}

    Result<std::size_t> read(std::span<char> buffer) override {
        const std::size_t piece = 1 + rng_.below(std::min(piece_max_, buffer.size()));
        const std::size_t size = std::min(piece, bytes_.size() - begin_);
        std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(begin_), size, buffer.begin());
        begin_ += size;
        return size;
    }

 private:
    std::string bytes_;
    std::size_t piece_max_;
    std::size_t begin_ = 0;
    Rng rng_{1};
};

}  // namespace shardrun::replay
