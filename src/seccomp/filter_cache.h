#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "seccomp/compile.h"

namespace shardrun::seccomp {

/// What a compiled filter depends on; equal keys, equal programs.
struct FilterKey {
    std::string text;  ///< the profile's; empty for the built-in one
    ProfileContext context;

    auto operator<=>(const FilterKey&) const = default;
};

/// Compiled filters by profile text and context: each is compiled once. One thread at a time.
class FilterCache {
 public:
    /// Profiles times sets of capabilities; beyond it the one unused for longest goes.
    static constexpr std::size_t kFiltersMax = 64;

    /// What load_profile gives; shared, so that it outlives its place in the cache.
    Result<std::shared_ptr<const FilterProgram>> load(std::string_view text,
                                                      const ProfileContext& context);

    std::size_t size() const { return filters_.size(); }

 private:
    struct Entry {
        std::shared_ptr<const FilterProgram> program;
        std::uint64_t last_use = 0;
    };

    std::shared_ptr<const FilterProgram> find(const FilterKey& key);
    std::shared_ptr<const FilterProgram> insert(FilterKey key, FilterProgram program);

    std::map<FilterKey, Entry> filters_;
    std::uint64_t uses_ = 0;
};

}  // namespace shardrun::seccomp
