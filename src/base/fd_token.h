#pragma once

#include <cstdint>

namespace shardrun {

/// A descriptor that the process holds for pure code, by a number that is never reused. A state
/// machine hands tokens on and never sees a descriptor; whoever holds the table (sys::FdTable)
/// closes what is discarded.
enum class FdToken : std::uint64_t {};

}  // namespace shardrun
