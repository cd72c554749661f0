#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "replay/byte_source.h"

namespace shardrun::replay {

inline constexpr std::size_t kLineSizeMax = 4096;

/// The lines of a source, without their ends ("\n" or "\r\n"); the last one may lack its own. Holds
/// one piece of the source, never all of it.
class LineReader {
 public:
    /// `source` must outlive it.
    explicit LineReader(ByteSource& source);

    /// None at the end. The text is valid until the next call. Errors: those of the source;
    /// EMSGSIZE for a line of more than kLineSizeMax bytes.
    Result<std::optional<std::string_view>> next();
    /// Of the line that `next` gave or refused last; from 1.
    std::uint64_t number() const { return number_; }

 private:
    Result<void> fill();

    ByteSource& source_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;  ///< of what was read and not given yet
    std::size_t end_ = 0;
    std::uint64_t number_ = 0;
    bool has_ended_ = false;
};

}  // namespace shardrun::replay
