// What may be done to a cache, in whatever order: each byte is a step. Its books must be right.

#include <algorithm>
#include <array>

#include "base/fail.h"
#include "policy/eviction/cache.h"
#include "target.h"

namespace shardrun::policy {
namespace {

constexpr std::size_t kObjects = 32;

/// A cache beside what is known of it.
class Books {
 public:
    Books(EvictionPolicy policy, CacheBound bound) : unit_(bound.unit), cache_(policy, bound) {}

    void step(std::uint8_t code) {
        const std::size_t number = code % kObjects;
        const ObjectId id{number};
        const bool was_there = cache_.contains(id);
        SR_ASSERT(was_there == is_there_.at(number));
        switch (code / kObjects) {
            case 0:
                is_there_.at(number) = cache_.insert(id, size(number)) || was_there;
                break;
            case 1:
                if (cache_.pin(id)) ++pins_.at(number);
                break;
            case 2:
                if (pins_.at(number) > 0) unpin(number);
                break;
            case 3:
                if (cache_.remove(id)) is_there_.at(number) = false;
                break;
            case 4:
                cache_.resize(number * number);
                break;
            default:
                is_there_.at(number) = cache_.access(id, size(number)) != Access::miss_refused;
        }
        check();
    }

 private:
    static std::uint64_t size(std::size_t number) { return number * 7 % 19; }

    void unpin(std::size_t number) {
        --pins_.at(number);
        cache_.unpin(ObjectId{number});
    }

    void check() {
        for (const Cache::Evicted& one : cache_.evicted()) {
            const auto number = static_cast<std::size_t>(one.id);
            SR_ASSERT(is_there_.at(number) && pins_.at(number) == 0);
            is_there_.at(number) = false;
        }
        std::uint64_t used = 0;
        std::uint64_t pinned = 0;
        for (std::size_t number = 0; number < kObjects; ++number) {
            const std::uint64_t charge = unit_ == CacheBound::Unit::objects ? 1 : size(number);
            if (is_there_.at(number)) used += charge;
            if (pins_.at(number) > 0) pinned += charge;
        }
        SR_ASSERT(cache_.used() == used);
        SR_ASSERT(cache_.pinned() == pinned);
        SR_ASSERT(used <= std::max(cache_.bound(), pinned));
        (void)cache_.remove(ObjectId{kObjects});  // What was evicted is told no more.
    }

    CacheBound::Unit unit_;
    Cache cache_;
    std::array<bool, kObjects> is_there_{};
    std::array<int, kObjects> pins_{};
};

}  // namespace
}  // namespace shardrun::policy

/// The first two bytes are the policy, the unit and the bound.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace shardrun::policy;
    if (size < 2) return 0;
    const EvictionPolicy policy = kEvictionPolicies.at(data[0] % kEvictionPolicies.size());
    const auto unit = data[0] % 16 < 8 ? CacheBound::Unit::objects : CacheBound::Unit::bytes;
    Books books(policy, {unit, data[1]});
    for (std::size_t i = 2; i < size; ++i) books.step(data[i]);
    return 0;
}
