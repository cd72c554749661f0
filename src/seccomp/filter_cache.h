#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "seccomp/compile.h"
#include "seccomp/filter_file.h"

namespace shardrun::seccomp {

/// Compiled filters by profile text and context: each is compiled once. One thread at a time.
class FilterCache {
 public:
    /// Profiles times sets of capabilities; beyond it the one unused for longest goes.
    static constexpr std::size_t kFiltersMax = 64;

    /// What load_profile gives; shared, so that it outlives its place in the cache.
    Result<std::shared_ptr<const FilterProgram>> load(std::string_view text,
                                                      const ProfileContext& context);

    /// The same, but first tries `stored`, the bytes that encode_filter() once made of it (may be
    /// empty). When they do not fit, the profile is compiled and `*message` tells why; otherwise it
    /// is left as it is.
    Result<std::shared_ptr<const FilterProgram>> load_stored(std::string_view text,
                                                             const ProfileContext& context,
                                                             std::span<const std::byte> stored,
                                                             std::string* message);

    std::size_t size() const { return filters_.size(); }

 private:
    struct Entry {
        std::shared_ptr<const FilterProgram> program;
        std::uint64_t last_use = 0;
    };

    std::shared_ptr<const FilterProgram> find(const FilterKey& key);
    std::shared_ptr<const FilterProgram> insert(const FilterKey& key, FilterProgram program);

    std::map<FilterKey, Entry> filters_;
    std::uint64_t uses_ = 0;
};

}  // namespace shardrun::seccomp
