#include "policy/eviction/lfu_order.h"

#include <limits>

#include "base/fail.h"

namespace shardrun::policy {

LfuOrder::Row LfuOrder::add_row(std::uint32_t count, Row fewer, Row more) {
    Row row = static_cast<Row>(rows_.size());
    if (free_.empty()) {
        rows_.push_back({count, fewer, more, SlotList(objects_)});
    } else {
        // Its list is empty since it was dropped.
        row = free_.back();
        free_.pop_back();
        rows_[row].count = count;
        rows_[row].fewer = fewer;
        rows_[row].more = more;
    }
    (fewer == kNoRow ? lowest_ : rows_[fewer].more) = row;
    if (more != kNoRow) rows_[more].fewer = row;
    return row;
}

LfuOrder::Row LfuOrder::row_of(std::uint32_t count, Row fewer) {
    Row next = fewer == kNoRow ? lowest_ : rows_[fewer].more;
    while (next != kNoRow && rows_[next].count < count) {
        fewer = next;
        next = rows_[next].more;
    }
    return next != kNoRow && rows_[next].count == count ? next : add_row(count, fewer, next);
}

void LfuOrder::drop_if_empty(Row row) {
    const CountRow& gone = rows_[row];
    if (!gone.list.is_empty()) return;
    (gone.fewer == kNoRow ? lowest_ : rows_[gone.fewer].more) = gone.more;
    if (gone.more != kNoRow) rows_[gone.more].fewer = gone.fewer;
    free_.push_back(row);
}

void LfuOrder::insert(Slot slot) {
    objects_[slot].uses = 1;
    objects_[slot].row = row_of(1, kNoRow);
    rows_[objects_[slot].row].list.push_front(slot);
}

void LfuOrder::on_use(Slot slot) {
    ObjectTable::Object& object = objects_[slot];
    if (object.uses < std::numeric_limits<std::uint32_t>::max()) ++object.uses;
    const Row old = object.row;
    rows_[old].list.unlink(slot);
    // Behind the old row, which therefore must not be dropped before.
    object.row = object.uses == rows_[old].count ? old : row_of(object.uses, old);
    rows_[object.row].list.push_front(slot);
    drop_if_empty(old);
}

void LfuOrder::on_first_use(Slot slot) {
    rows_[objects_[slot].row].list.move_to_front(slot);
}

Slot LfuOrder::take_victim(const Newcomer* /*newcomer*/, std::uint64_t /*need*/) {
    SR_ASSERT(lowest_ != kNoRow);
    const Row row = lowest_;
    const Slot victim = rows_[row].list.pop_back();
    drop_if_empty(row);
    return victim;
}

void LfuOrder::put_back(Slot slot) {
    objects_[slot].row = row_of(objects_[slot].uses, kNoRow);
    rows_[objects_[slot].row].list.push_back(slot);
}

void LfuOrder::remove(Slot slot) {
    const Row row = objects_[slot].row;
    rows_[row].list.unlink(slot);
    drop_if_empty(row);
}

}  // namespace shardrun::policy
