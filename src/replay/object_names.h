#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/eviction/object_table.h"

namespace shardrun::replay {

/// Numbers the objects of a trace in the order in which they come, and remembers their sizes. Grows
/// with the number of distinct objects: their names and 40 bytes for each.
class ObjectNames {
 public:
    struct Entry {
        std::uint64_t begin = 0;  ///< of its name among all names
        std::uint64_t size_bytes = 0;
        std::uint32_t hash = 0;
        std::uint16_t name_size = 0;
    };

    ObjectNames();

    /// The object of that name, which is a new one of this size when there is none.
    policy::ObjectId number(std::string_view name, std::uint64_t size_bytes);
    std::uint64_t size_bytes(policy::ObjectId object) const;

    std::size_t count() const { return entries_.size(); }
    /// The sizes of all, up to 2^64 - 1.
    std::uint64_t footprint_bytes() const { return footprint_bytes_; }

 private:
    std::string_view name_of(const Entry& entry) const;
    void grow();

    std::vector<Entry> entries_;
    std::vector<std::uint32_t> cells_;  ///< open addressing; 1 + index into `entries_`, or 0
    std::string names_;
    std::uint64_t footprint_bytes_ = 0;
};

}  // namespace shardrun::replay
