#include "replay/line_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/fail.h"

namespace shardrun::replay {
namespace {

constexpr std::size_t kBufferSize = std::size_t{64} << 10U;
static_assert(kBufferSize > 2 * kLineSizeMax);

std::string_view without_return(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

}  // namespace

LineReader::LineReader(ByteSource& source) : source_(source), buffer_(kBufferSize) {}

Result<void> LineReader::fill() {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
    SR_TRY(const std::size_t size, source_.read(std::span(buffer_).subspan(end_)));
    end_ += size;
    has_ended_ = size == 0;
    return {};
}

Result<std::optional<std::string_view>> LineReader::next() {
    ++number_;
    std::size_t looked_at = 0;
    while (true) {
        const char* const line = buffer_.data() + begin_;
        const std::size_t size = end_ - begin_;
        const void* const found = std::memchr(line + looked_at, '\n', size - looked_at);
        const std::size_t line_size =
            found == nullptr ? size
                             : static_cast<std::size_t>(static_cast<const char*>(found) - line);
        if (line_size > kLineSizeMax)
            return refuse(EMSGSIZE, "the line is longer than {} bytes", kLineSizeMax);
        if (found != nullptr || (has_ended_ && size > 0)) {
            begin_ += line_size + (found != nullptr ? 1 : 0);
            return without_return({line, line_size});
        }
        if (has_ended_) return std::optional<std::string_view>();
        looked_at = size;
        SR_DO(fill());
    }
}

}  // namespace shardrun::replay
