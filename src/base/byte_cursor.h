#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/fail.h"

namespace shardrun {

/// Whole numbers that go over a wire: bool and char are spelled as what they are, a byte.
template <class T>
concept WireInteger = std::is_unsigned_v<T> && std::is_integral_v<T> && !std::is_same_v<T, bool>;

/// Reads little-endian values off the front of bytes it does not own. Each call either advances
/// past what it returns, or fails with EPROTO and stays where it was.
class ByteReader {
 public:
    explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

    /// Bytes read so far.
    std::size_t offset() const { return offset_; }
    /// Bytes left.
    std::size_t remaining() const { return bytes_.size() - offset_; }
    bool empty() const { return remaining() == 0; }

    Result<std::span<const std::byte>> read_bytes(std::size_t size) {
        if (size > remaining())
            return refuse(EPROTO, "needs {} bytes, {} are left", size, remaining());
        const std::span<const std::byte> taken = bytes_.subspan(offset_, size);
        offset_ += size;
        return taken;
    }

    template <WireInteger T>
    Result<T> read() {
        SR_TRY(const std::span<const std::byte> taken, read_bytes(sizeof(T)));
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < sizeof(T); ++i)
            value |= std::to_integer<std::uint64_t>(taken[i]) << (8 * i);
        return static_cast<T>(value);
    }

 private:
    std::span<const std::byte> bytes_;
    std::size_t offset_ = 0;
};

/// Appends little-endian values to bytes it owns, up to a bound. A write that would pass the bound
/// fails with EMSGSIZE and writes nothing.
class ByteWriter {
 public:
    explicit ByteWriter(std::size_t size_max) : size_max_(size_max) {}

    std::size_t size() const { return bytes_.size(); }
    std::span<const std::byte> bytes() const { return bytes_; }
    std::vector<std::byte> take() && { return std::move(bytes_); }

    Result<void> write_bytes(std::span<const std::byte> bytes) {
        if (bytes.size() > size_max_ - bytes_.size())
            return refuse(EMSGSIZE, "{} bytes after {} are more than {}", bytes.size(),
                          bytes_.size(), size_max_);
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        return {};
    }

    Result<void> write_text(std::string_view text) {
        return write_bytes(std::as_bytes(std::span(text.data(), text.size())));
    }

    template <WireInteger T>
    Result<void> write(T value) {
        const auto bytes = little_endian(value);
        return write_bytes(bytes);
    }

    /// Writes over what already stands at `offset`, as for a length that is known afterwards. The
    /// value must lie within size().
    template <WireInteger T>
    void patch(std::size_t offset, T value) {
        SR_ASSERT(offset + sizeof(T) <= bytes_.size());
        const auto bytes = little_endian(value);
        for (std::size_t i = 0; i < sizeof(T); ++i) bytes_[offset + i] = bytes[i];
    }

 private:
    template <WireInteger T>
    static std::array<std::byte, sizeof(T)> little_endian(T value) {
        std::array<std::byte, sizeof(T)> bytes{};
        for (std::size_t i = 0; i < sizeof(T); ++i)
            bytes[i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i));
        return bytes;
    }

    std::size_t size_max_;
    std::vector<std::byte> bytes_;
};

}  // namespace shardrun
