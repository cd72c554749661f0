#include "policy/eviction/object_table.h"

#include <utility>

#include "base/fail.h"
#include "policy/eviction/mix.h"

namespace shardrun::policy {
namespace {

constexpr std::size_t kCellsMin = 64;

}  // namespace

ObjectTable::ObjectTable() : cells_(kCellsMin) {}

std::size_t ObjectTable::home_of(ObjectId id) const {
    return mix(static_cast<std::uint64_t>(id)) & (cells_.size() - 1);
}

/// The cell of `id`, or the empty one where it would be put.
std::size_t ObjectTable::cell_of(ObjectId id) const {
    std::size_t cell = home_of(id);
    while (cells_[cell].slot != kNoSlot && cells_[cell].id != id)
        cell = (cell + 1) & (cells_.size() - 1);
    return cell;
}

Slot ObjectTable::find(ObjectId id) const {
    return cells_[cell_of(id)].slot;
}

Slot ObjectTable::add(ObjectId id, std::uint64_t charge) {
    if (2 * (size_ + 1) > cells_.size()) grow();
    Cell& cell = cells_[cell_of(id)];
    SR_ASSERT(cell.slot == kNoSlot);
    if (free_.empty()) {
        SR_ASSERT(objects_.size() < kNoSlot);
        cell.slot = static_cast<Slot>(objects_.size());
        objects_.emplace_back();
    } else {
        cell.slot = free_.back();
        free_.pop_back();
    }
    cell.id = id;
    objects_[cell.slot] = Object{.id = id, .charge = charge};
    ++size_;
    return cell.slot;
}

void ObjectTable::erase(Slot slot) {
    std::size_t gap = cell_of(objects_[slot].id);
    SR_ASSERT(cells_[gap].slot == slot);
    // What follows without a gap moves up when it may stand there, so that no search ends early.
    const std::size_t mask = cells_.size() - 1;
    for (std::size_t next = (gap + 1) & mask; cells_[next].slot != kNoSlot;
         next = (next + 1) & mask) {
        const std::size_t distance = (next - home_of(cells_[next].id)) & mask;
        if (distance < ((next - gap) & mask)) continue;
        cells_[gap] = cells_[next];
        gap = next;
    }
    cells_[gap].slot = kNoSlot;
    free_.push_back(slot);
    --size_;
}

void ObjectTable::grow() {
    const std::vector<Cell> old = std::exchange(cells_, std::vector<Cell>(2 * cells_.size()));
    for (const Cell& cell : old)
        if (cell.slot != kNoSlot) cells_[cell_of(cell.id)] = cell;
}

}  // namespace shardrun::policy
