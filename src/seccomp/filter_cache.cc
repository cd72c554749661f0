#include "seccomp/filter_cache.h"

#include <algorithm>

#include "base/fail.h"

namespace shardrun::seccomp {

std::shared_ptr<const FilterProgram> FilterCache::find(const FilterKey& key) {
    const auto found = filters_.find(key);
    if (found == filters_.end()) return nullptr;
    found->second.last_use = ++uses_;
    return found->second.program;
}

std::shared_ptr<const FilterProgram> FilterCache::insert(const FilterKey& key,
                                                         FilterProgram program) {
    if (filters_.size() >= kFiltersMax)
        filters_.erase(std::ranges::min_element(
            filters_, {}, [](const auto& entry) { return entry.second.last_use; }));
    auto shared = std::make_shared<const FilterProgram>(std::move(program));
    filters_[key] = Entry{shared, ++uses_};
    return shared;
}

Result<std::shared_ptr<const FilterProgram>> FilterCache::load(std::string_view text,
                                                               const ProfileContext& context) {
    return load_stored(text, context, {}, nullptr);
}

Result<std::shared_ptr<const FilterProgram>> FilterCache::load_stored(
    std::string_view text, const ProfileContext& context, std::span<const std::byte> stored,
    std::string* message) {
    SR_TRY(const FilterKey key, filter_key_of(text, context));
    if (auto known = find(key)) return known;
    if (!stored.empty()) {
        Result<FilterProgram> program = decode_filter(key, stored);
        if (program) return insert(key, *std::move(program));
        if (message != nullptr) *message = program.error().message + "; compiled it again";
    }
    SR_TRY(FilterProgram program, load_profile(text, context));
    return insert(key, std::move(program));
}

}  // namespace shardrun::seccomp
