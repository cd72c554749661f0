#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shardrun/messages.h"

namespace shardrun::cli {

/// What a run's program opened of its image, as the supervisor told: each file once, unless it had
/// to be filled again. Pure.
class FileLog {
 public:
    struct Entry {
        std::chrono::microseconds at{0};  ///< since the shard was asked for
        PrefetchResponse what;
    };
    struct Summary {
        std::uint64_t opened = 0;
        std::uint64_t ready = 0;   ///< of these without waiting
        std::uint64_t waited = 0;  ///< of these
        std::uint64_t failed = 0;
        std::uint64_t bytes = 0;  ///< of the files opened
        std::chrono::microseconds waiting_time{0};
        std::chrono::microseconds last_open{0};
    };

    void add(std::chrono::microseconds at, PrefetchResponse what);
    /// Leaves out what other shards did.
    void keep_only(ShardId shard);

    const std::vector<Entry>& entries() const { return entries_; }
    Summary summary() const;
    /// Why the first was refused; none: none was.
    std::optional<std::string> first_failure() const;
    /// In the order of opening.
    std::vector<std::string> paths() const;

 private:
    std::vector<Entry> entries_;
};

}  // namespace shardrun::cli
