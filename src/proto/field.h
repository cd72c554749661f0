#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "shardrun/error.h"

/// What FieldReader and FieldWriter have in common. A message is described once, by a function
/// template over either: it names each field, its place and its bounds, in wire order; the reader
/// fills the value from bytes, the writer makes bytes of it, and both refuse the same.
namespace shardrun::proto {

/// What a number may be, both ends included.
struct Bounds {
    std::uint64_t min = 0;
    std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
};

/// How long a text or byte string may be, both ends included.
struct Length {
    std::size_t min = 0;
    std::size_t max = 0;
};

/// How often a repeatable field may be there.
struct Count {
    std::size_t min = 0;
    std::size_t max = 0;
};

/// Why a payload is refused, and where in it.
struct Fault {
    Error error;
    std::size_t offset_bytes = 0;  ///< counted from the payload's first byte
};

/// May optional fields follow the fixed ones?
enum class Shape { closed, open };

/// The unsigned integer that stands for a T on the wire.
template <class T>
struct WireOf {
    using Type = T;
};
template <>
struct WireOf<bool> {
    using Type = std::uint8_t;
};
template <class T>
requires std::is_enum_v<T>
struct WireOf<T> {
    using Type = std::underlying_type_t<T>;
};
template <class T>
using WireType = typename WireOf<T>::Type;

/// The bounds of a T itself, within `bounds`.
template <class T>
constexpr Bounds bounds_of(Bounds bounds) {
    const std::uint64_t max =
        std::is_same_v<T, bool> ? 1 : std::uint64_t{std::numeric_limits<WireType<T>>::max()};
    return {bounds.min, bounds.max < max ? bounds.max : max};
}

/// `const T` for a writer, `T` for a reader.
template <class Fields, class T>
using Of = typename Fields::template Value<T>;

}  // namespace shardrun::proto
