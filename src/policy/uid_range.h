#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_set>

namespace shardrun::policy {

/// Gives every shard a uid of its own. A uid comes back only when nothing of its shard is left, and
/// is given again as late as possible: never used ones first, then the one free for longest, so
/// that a file or message that outlived its shard by mistake meets no successor for long.
class UidRange {
 public:
    UidRange(uid_t first, std::uint32_t count);

    /// None when all are taken.
    std::optional<uid_t> take();
    /// `uid` must come from `take` and not have been given back since.
    void give_back(uid_t uid);
    /// Another range from now on; uids of the old one stay taken until they are given back.
    void change(uid_t first, std::uint32_t count);

    bool is_taken(uid_t uid) const { return taken_.contains(uid); }
    std::size_t taken() const { return taken_.size(); }

 private:
    bool is_in_range(uid_t uid) const { return uid >= first_ && uid - first_ < count_; }

    uid_t first_;
    std::uint32_t count_;
    std::uint32_t fresh_ = 0;  ///< offset of the next that was never looked at
    std::unordered_set<uid_t> taken_;
    std::unordered_set<uid_t> rested_;  ///< those in `free_` that `fresh_` has yet to pass
    std::deque<uid_t> free_;            ///< given back, oldest first
};

}  // namespace shardrun::policy
