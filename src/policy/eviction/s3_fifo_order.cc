#include "policy/eviction/s3_fifo_order.h"

#include "base/fail.h"

namespace shardrun::policy {
namespace {

constexpr std::uint64_t kSmallPart = 10;
constexpr std::uint32_t kUsesMax = 3;

}  // namespace

void S3FifoOrder::on_bound(std::uint64_t bound) {
    small_target_ = bound / kSmallPart + (bound % kSmallPart != 0 ? 1 : 0);
    ghosts_max_ = bound - bound / kSmallPart;
    trim_ghosts();
}

void S3FifoOrder::trim_ghosts() {
    while (ghosts_.charge() > ghosts_max_) ghosts_.forget_oldest();
}

void S3FifoOrder::on_arrival(const Newcomer& newcomer) {
    // What nobody asked for has yet to show that it is worth the main queue.
    was_ghost_ = ghosts_.remove(newcomer.id) && newcomer.is_asked;
}

void S3FifoOrder::insert(Slot slot) {
    objects_[slot].uses = 0;
    objects_[slot].place = was_ghost_ ? in_main : in_small;
    list_of(slot).push_front(slot);
}

void S3FifoOrder::on_use(Slot slot) {
    if (objects_[slot].uses < kUsesMax) ++objects_[slot].uses;
}

/// Each round moves an object to the main queue or takes one of its uses away, so that the rounds
/// are paid for by the hits before.
Slot S3FifoOrder::take_victim(const Newcomer* /*newcomer*/, std::uint64_t /*need*/) {
    SR_ASSERT(!small_.is_empty() || !main_.is_empty());
    while (true) {
        const bool from_small =
            main_.is_empty() || (!small_.is_empty() && small_.charge() >= small_target_);
        const Slot slot = (from_small ? small_ : main_).pop_back();
        ObjectTable::Object& object = objects_[slot];
        if (object.uses == 0 || (from_small && object.uses == 1)) return slot;
        object.uses = from_small ? 0 : object.uses - 1;
        object.place = in_main;
        main_.push_front(slot);
    }
}

void S3FifoOrder::on_evicted(Slot slot) {
    if (objects_[slot].place != in_small) return;
    ghosts_.add(objects_[slot].id, objects_[slot].charge);
    trim_ghosts();
}

void S3FifoOrder::put_back(Slot slot) {
    list_of(slot).push_back(slot);
}

void S3FifoOrder::remove(Slot slot) {
    list_of(slot).unlink(slot);
}

}  // namespace shardrun::policy
