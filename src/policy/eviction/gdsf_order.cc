#include "policy/eviction/gdsf_order.h"

#include <algorithm>
#include <limits>

namespace shardrun::policy {
namespace {

// How many of those that would have to go are looked at; the rest can only be worth more, but one
// request must not pay for a walk over the whole cache.
constexpr std::size_t kLookedAtMax = 64;

}  // namespace

double GdsfOrder::worth(std::uint32_t uses, std::uint64_t charge) const {
    return clock_ +
           static_cast<double>(uses) / static_cast<double>(std::max<std::uint64_t>(charge, 1));
}

void GdsfOrder::insert(Slot slot) {
    objects_[slot].uses = 1;
    heap_.push(slot, worth(1, objects_[slot].charge));
}

void GdsfOrder::on_use(Slot slot) {
    ObjectTable::Object& object = objects_[slot];
    if (object.uses < std::numeric_limits<std::uint32_t>::max()) ++object.uses;
    heap_.set(slot, worth(object.uses, object.charge));
}

void GdsfOrder::on_first_use(Slot slot) {
    heap_.set(slot, worth(objects_[slot].uses, objects_[slot].charge));
}

bool GdsfOrder::may_enter(const Newcomer& newcomer, std::uint64_t need) {
    const double own = worth(1, newcomer.charge);
    std::uint64_t freed = 0;
    bool is_worth_it = true;
    heap_.look(kLookedAtMax, [&](Slot slot, double worth) {
        is_worth_it = worth <= own;
        freed += objects_[slot].charge;
        return !is_worth_it || freed >= need;
    });
    return is_worth_it;
}

Slot GdsfOrder::take_victim(const Newcomer* newcomer, std::uint64_t need) {
    if (newcomer != nullptr && !may_enter(*newcomer, need)) {
        clock_ = worth(1, newcomer->charge);
        return kNoSlot;
    }
    clock_ = std::max(clock_, heap_.lowest());
    return heap_.pop();
}

void GdsfOrder::put_back(Slot slot) {
    heap_.push(slot, -std::numeric_limits<double>::infinity());
}

void GdsfOrder::remove(Slot slot) {
    heap_.remove(slot);
}

}  // namespace shardrun::policy
