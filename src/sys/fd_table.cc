#include "sys/fd_table.h"

#include <utility>

namespace shardrun::sys {

FdToken FdTable::insert(UniqueFd fd) {
    const FdToken token{++last_};
    fds_.emplace(std::to_underlying(token), std::move(fd));
    return token;
}

int FdTable::borrow(FdToken token) const {
    const auto found = fds_.find(std::to_underlying(token));
    return found == fds_.end() ? -1 : found->second.get();
}

UniqueFd FdTable::take(FdToken token) {
    const auto found = fds_.find(std::to_underlying(token));
    if (found == fds_.end()) return UniqueFd();
    UniqueFd fd = std::move(found->second);
    fds_.erase(found);
    return fd;
}

void FdTable::discard(FdToken token) {
    fds_.erase(std::to_underlying(token));
}

}  // namespace shardrun::sys
