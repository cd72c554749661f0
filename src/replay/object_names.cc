#include "replay/object_names.h"

#include <functional>
#include <limits>

#include "base/fail.h"

namespace shardrun::replay {
namespace {

constexpr std::size_t kCellsMin = 1024;

}  // namespace

ObjectNames::ObjectNames() : cells_(kCellsMin) {}

std::string_view ObjectNames::name_of(const Entry& entry) const {
    return {names_.data() + entry.begin, entry.name_size};
}

policy::ObjectId ObjectNames::number(std::string_view name, std::uint64_t size_bytes) {
    if (2 * (entries_.size() + 1) > cells_.size()) grow();
    const auto hash = static_cast<std::uint32_t>(std::hash<std::string_view>()(name));
    std::size_t cell = hash & (cells_.size() - 1);
    while (cells_[cell] != 0) {
        const Entry& entry = entries_[cells_[cell] - 1];
        if (entry.hash == hash && name_of(entry) == name) return policy::ObjectId{cells_[cell] - 1};
        cell = (cell + 1) & (cells_.size() - 1);
    }
    entries_.push_back({names_.size(), size_bytes, hash, static_cast<std::uint16_t>(name.size())});
    names_ += name;
    cells_[cell] = static_cast<std::uint32_t>(entries_.size());
    footprint_bytes_ +=
        std::min(size_bytes, std::numeric_limits<std::uint64_t>::max() - footprint_bytes_);
    return policy::ObjectId{entries_.size() - 1};
}

std::uint64_t ObjectNames::size_bytes(policy::ObjectId object) const {
    return entries_[static_cast<std::size_t>(object)].size_bytes;
}

void ObjectNames::grow() {
    cells_.assign(2 * cells_.size(), 0);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        std::size_t cell = entries_[i].hash & (cells_.size() - 1);
        while (cells_[cell] != 0) cell = (cell + 1) & (cells_.size() - 1);
        cells_[cell] = static_cast<std::uint32_t>(i + 1);
    }
}

}  // namespace shardrun::replay
