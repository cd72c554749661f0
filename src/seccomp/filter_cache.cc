#include "seccomp/filter_cache.h"

#include <algorithm>
#include <utility>

#include "base/fail.h"

namespace shardrun::seccomp {

std::shared_ptr<const FilterProgram> FilterCache::find(const FilterKey& key) {
    const auto found = filters_.find(key);
    if (found == filters_.end()) return nullptr;
    found->second.last_use = ++uses_;
    return found->second.program;
}

std::shared_ptr<const FilterProgram> FilterCache::insert(FilterKey key, FilterProgram program) {
    if (filters_.size() >= kFiltersMax)
        filters_.erase(std::ranges::min_element(
            filters_, {}, [](const auto& entry) { return entry.second.last_use; }));
    auto shared = std::make_shared<const FilterProgram>(std::move(program));
    filters_[std::move(key)] = Entry{shared, ++uses_};
    return shared;
}

Result<std::shared_ptr<const FilterProgram>> FilterCache::load(std::string_view text,
                                                               const ProfileContext& context) {
    FilterKey key{std::string(text), context};
    if (auto known = find(key)) return known;
    SR_TRY(FilterProgram program, load_profile(text, context));
    return insert(std::move(key), std::move(program));
}

}  // namespace shardrun::seccomp
