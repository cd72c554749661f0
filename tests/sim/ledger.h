#pragma once

#include <cstdint>
#include <set>

#include "shard/spec.h"

namespace shardrun::sim {

/// Every descriptor there is, by token. The manager gets them with events and must hand each on
/// exactly once.
class Ledger {
 public:
    shard::FdToken mint() {
        const shard::FdToken token{++last_};
        open_.insert(token);
        return token;
    }
    /// False when it is not there to be handed on: never minted, or spent already.
    bool spend(shard::FdToken token) { return open_.erase(token) == 1; }
    std::size_t open() const { return open_.size(); }

 private:
    std::uint64_t last_ = 0;
    std::set<shard::FdToken> open_;
};

}  // namespace shardrun::sim
