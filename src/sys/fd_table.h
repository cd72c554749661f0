#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/fd_token.h"
#include "sys/unique_fd.h"

namespace shardrun::sys {

/// The descriptors that are known by token. One per process; not for several threads. What is left
/// in it at the end is closed with it.
class FdTable {
 public:
    /// Takes ownership; the token is never given again.
    FdToken insert(UniqueFd fd);

    /// The descriptor, still owned by the table; -1 when the token is unknown or taken.
    int borrow(FdToken token) const;

    /// Hands the descriptor over and forgets the token; empty when it is unknown or taken.
    UniqueFd take(FdToken token);

    /// Closes the descriptor; an unknown token is ignored.
    void discard(FdToken token);

    std::size_t size() const { return fds_.size(); }

 private:
    std::unordered_map<std::uint64_t, UniqueFd> fds_;
    std::uint64_t last_ = 0;
};

}  // namespace shardrun::sys
