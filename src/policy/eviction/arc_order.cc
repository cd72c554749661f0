#include "policy/eviction/arc_order.h"

#include <algorithm>

namespace shardrun::policy {

void ArcOrder::on_bound(std::uint64_t bound) {
    bound_ = bound;
    once_share_ = std::min(once_share_, static_cast<double>(bound));
    forget_for(0);
}

/// Moves the share when the newcomer is a ghost, which ends with that. Cases II and III.
void ArcOrder::remember(const Newcomer& newcomer) {
    const auto once = static_cast<double>(once_gone_.charge());
    const auto again = static_cast<double>(again_gone_.charge());
    const auto charge = static_cast<double>(newcomer.charge);
    memory_ = Memory::none;
    if (once_gone_.remove(newcomer.id)) {
        memory_ = Memory::once;
        once_share_ = std::min(once_share_ + charge * std::max(again / once, 1.0),
                               static_cast<double>(bound_));
    } else if (again_gone_.remove(newcomer.id)) {
        memory_ = Memory::again;
        once_share_ = std::max(once_share_ - charge * std::max(once / again, 1.0), 0.0);
    }
}

/// Keeps both directories within their bounds when `charge` is about to join `once_`. Case IV.
void ArcOrder::forget_for(std::uint64_t charge) {
    while (!once_gone_.is_empty() && once_.charge() + once_gone_.charge() + charge > bound_)
        once_gone_.forget_oldest();
    while (!again_gone_.is_empty() &&
           once_.charge() + once_gone_.charge() + again_.charge() + again_gone_.charge() + charge >
               2 * bound_)
        again_gone_.forget_oldest();
}

void ArcOrder::on_arrival(const Newcomer& newcomer) {
    if (newcomer.is_asked) {
        remember(newcomer);
    } else {  // Nobody asked: no reason to learn from it.
        memory_ = Memory::none;
        (void)(once_gone_.remove(newcomer.id) || again_gone_.remove(newcomer.id));
    }
    if (memory_ == Memory::none) forget_for(newcomer.charge);
}

void ArcOrder::insert(Slot slot) {
    objects_[slot].place = memory_ == Memory::none ? in_once : in_again;
    list_of(slot).push_front(slot);
}

void ArcOrder::on_use(Slot slot) {
    list_of(slot).unlink(slot);
    objects_[slot].place = in_again;
    again_.push_front(slot);
}

void ArcOrder::on_first_use(Slot slot) {
    list_of(slot).move_to_front(slot);
}

/// The paper's REPLACE, and the part of case IV where `once_` alone fills the whole directory.
Slot ArcOrder::take_victim(const Newcomer* newcomer, std::uint64_t /*need*/) {
    const bool is_new = newcomer != nullptr && memory_ == Memory::none;
    is_remembered_ = true;
    if (is_new && !once_.is_empty() && once_.charge() + newcomer->charge > bound_) {
        is_remembered_ = false;
        return once_.pop_back();
    }
    const auto once = static_cast<double>(once_.charge());
    const bool is_over = once > once_share_ || (memory_ == Memory::again && once >= once_share_);
    const bool from_once = !once_.is_empty() && (is_over || again_.is_empty());
    return (from_once ? once_ : again_).pop_back();
}

void ArcOrder::on_evicted(Slot slot) {
    if (!is_remembered_) return;
    const ObjectTable::Object& object = objects_[slot];
    (object.place == in_once ? once_gone_ : again_gone_).add(object.id, object.charge);
    forget_for(0);
}

void ArcOrder::put_back(Slot slot) {
    list_of(slot).push_back(slot);
}

void ArcOrder::remove(Slot slot) {
    list_of(slot).unlink(slot);
}

}  // namespace shardrun::policy
