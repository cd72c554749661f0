#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "policy/eviction/object_table.h"

namespace shardrun::policy {

/// About how often each object was asked for lately, in 8 bytes for each object of the cache: a
/// count-min sketch with four rows of 4-bit counters, all of which are halved after ten requests
/// for each object that it is made for. Never less than the truth since the last halving, up to 15.
/// Source: Einziger, Friedman, Manes: TinyLFU: A Highly Efficient Cache Admission Policy, ACM
/// Transactions on Storage 2017.
class FrequencySketch {
 public:
    FrequencySketch() : words_(kWordsMin) {}

    void add(ObjectId id);
    std::uint32_t estimate(ObjectId id) const;
    /// Makes it fit for so many objects. It never shrinks, and forgets nothing when it grows.
    void reserve(std::size_t objects);

    /// The requests after which it halves.
    std::uint64_t period() const { return kRequestsPerObject * words_.size(); }

 private:
    static constexpr std::size_t kWordsMin = 16;
    static constexpr std::uint64_t kRequestsPerObject = 10;

    void halve();

    std::vector<std::uint64_t> words_;  ///< 16 counters in each; a power of two of them
    std::uint64_t added_ = 0;
};

}  // namespace shardrun::policy
