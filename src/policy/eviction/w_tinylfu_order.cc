#include "policy/eviction/w_tinylfu_order.h"

#include <algorithm>

#include "base/fail.h"

namespace shardrun::policy {

void WTinyLfuOrder::divide(std::uint64_t window_max) {
    window_max_ = window_max;
    const std::uint64_t main = bound_ - std::min(bound_, window_max);
    protected_max_ = main - main / 5;
    while (protected_.charge() > protected_max_) move(protected_.back(), in_probation);
}

void WTinyLfuOrder::on_bound(std::uint64_t bound) {
    bound_ = bound;
    divide(climber_.restart(bound));
}

SlotList& WTinyLfuOrder::list_of(Slot slot) {
    switch (objects_[slot].place) {
        case in_window:
            return window_;
        case in_probation:
            return probation_;
        default:
            return protected_;
    }
}

void WTinyLfuOrder::move(Slot slot, Place place) {
    list_of(slot).unlink(slot);
    objects_[slot].place = place;
    list_of(slot).push_front(slot);
}

void WTinyLfuOrder::count(ObjectId id, bool is_hit) {
    sketch_.reserve(objects_.size());
    sketch_.add(id);
    if (climber_.count(is_hit, sketch_.period())) divide(climber_.next());
}

void WTinyLfuOrder::on_arrival(const Newcomer& newcomer) {
    owed_ = 0;
    if (newcomer.is_asked) count(newcomer.id, false);
}

void WTinyLfuOrder::insert(Slot slot) {
    objects_[slot].place = objects_[slot].charge > window_max_ ? in_probation : in_window;
    list_of(slot).push_front(slot);
    // There is room for all: what leaves the window meets nobody whose place it would take.
    while (window_.charge() > window_max_) move(window_.back(), in_probation);
}

void WTinyLfuOrder::on_use(Slot slot) {
    count(objects_[slot].id, true);
    if (objects_[slot].place == in_probation && objects_[slot].charge <= protected_max_) {
        move(slot, in_protected);
        while (protected_.charge() > protected_max_) move(protected_.back(), in_probation);
    } else {
        list_of(slot).move_to_front(slot);
    }
}

void WTinyLfuOrder::on_first_use(Slot slot) {
    count(objects_[slot].id, true);
    list_of(slot).move_to_front(slot);
}

Slot WTinyLfuOrder::next_in_main(Slot slot) const {
    const bool is_last = objects_[slot].place == in_probation && objects_[slot].before == kNoSlot;
    return is_last ? protected_.back() : objects_[slot].before;
}

bool WTinyLfuOrder::may_enter(ObjectId id, std::uint64_t need) const {
    const std::uint32_t own = sketch_.estimate(id);
    std::uint64_t freed = 0;
    std::uint32_t others = 0;
    Slot slot = probation_.is_empty() ? protected_.back() : probation_.back();
    for (; slot != kNoSlot && freed < need; slot = next_in_main(slot)) {
        others += std::max(sketch_.estimate(objects_[slot].id), 1U);
        if (others >= own) return false;
        freed += objects_[slot].charge;
    }
    return freed >= need;
}

Slot WTinyLfuOrder::take_from_main() {
    for (SlotList* list : {&probation_, &protected_, &window_}) {
        if (list->is_empty()) continue;
        const Slot victim = list->pop_back();
        owed_ -= std::min(owed_, objects_[victim].charge);
        return victim;
    }
    SR_ASSERT(false);
    return kNoSlot;
}

Slot WTinyLfuOrder::take_victim(const Newcomer* newcomer, std::uint64_t need) {
    if (owed_ > 0 || newcomer == nullptr) return take_from_main();
    if (newcomer->charge > window_max_) {
        if (!may_enter(newcomer->id, need)) return kNoSlot;
        owed_ = need;
        return take_from_main();
    }
    // It will push the last of the window out, which then wants to stay in the main part.
    if (window_.is_empty() || window_.charge() + newcomer->charge <= window_max_)
        return take_from_main();
    const Slot candidate = window_.back();
    if (!may_enter(objects_[candidate].id, need)) return window_.pop_back();
    move(candidate, in_probation);
    owed_ = need;
    return take_from_main();
}

void WTinyLfuOrder::put_back(Slot slot) {
    list_of(slot).push_back(slot);
}

void WTinyLfuOrder::remove(Slot slot) {
    list_of(slot).unlink(slot);
}

}  // namespace shardrun::policy
