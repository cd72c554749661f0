#include <algorithm>

#include "naive_cache.h"
#include "policy/eviction/frequency_sketch.h"
#include "policy/eviction/window_climber.h"

namespace shardrun::policy::naive {
namespace {

/// Lists as vectors, least recently used first. The sketch and the climber are the real ones, which
/// have tests of their own.
class WTinyLfu : public NaiveCache {
 public:
    explicit WTinyLfu(std::uint64_t bound) : NaiveCache(bound) { divide(climber_.restart(bound)); }

 protected:
    bool hit(std::uint64_t id) override {
        for (Items* items : {&window_, &probation_, &protected_}) {
            if (index_of(*items, id) == items->size()) continue;
            count(id, true);
            // Counting may have moved it from the protected ones to probation.
            for (Items* now : {&window_, &probation_, &protected_})
                if (index_of(*now, id) < now->size()) return promote(*now, id);
        }
        return false;
    }
    bool promote(Items& items, std::uint64_t id) {
        const Item item = take(items, index_of(items, id));
        const bool rises = &items == &probation_ && item.charge <= protected_max_;
        (rises ? protected_ : items).push_back(item);
        demote();
        return true;
    }
    void demote() {
        while (charge_of(protected_) > protected_max_) probation_.push_back(take(protected_, 0));
    }
    void count(std::uint64_t id, bool is_hit) {
        sketch_.reserve(window_.size() + probation_.size() + protected_.size());
        sketch_.add(ObjectId{id});
        if (climber_.count(is_hit, sketch_.period())) divide(climber_.next());
    }
    void divide(std::uint64_t window_max) {
        window_max_ = window_max;
        const std::uint64_t main = bound_ - std::min(bound_, window_max);
        protected_max_ = main - main / 5;
        demote();
    }

    /// How many of the main part, the least first, must go to free `need`; 0 when the candidate is
    /// not worth them.
    std::size_t beaten(std::uint64_t candidate, std::uint64_t need) const {
        Items main = probation_;
        main.insert(main.end(), protected_.begin(), protected_.end());
        std::uint64_t freed = 0;
        std::uint32_t others = 0;
        for (std::size_t i = 0; i < main.size(); ++i) {
            others += std::max(sketch_.estimate(ObjectId{main[i].id}), 1U);
            freed += main[i].charge;
            if (freed >= need) return sketch_.estimate(ObjectId{candidate}) > others ? i + 1 : 0;
        }
        return 0;
    }
    std::uint64_t used() const {
        return charge_of(window_) + charge_of(probation_) + charge_of(protected_);
    }
    void evict_from_main(std::size_t count) {
        for (; count > 0; --count)
            evict(!probation_.empty() ? probation_ : !protected_.empty() ? protected_ : window_, 0);
    }

    void miss(std::uint64_t id, std::uint64_t charge) override {
        count(id, false);
        while (used() + charge > bound_) {
            const std::uint64_t need = used() + charge - bound_;
            if (charge > window_max_) {
                const std::size_t victims = beaten(id, need);
                if (victims == 0) return;
                evict_from_main(victims);
            } else if (window_.empty() || charge_of(window_) + charge <= window_max_) {
                evict_from_main(1);
            } else if (const std::size_t victims = beaten(window_[0].id, need); victims > 0) {
                probation_.push_back(take(window_, 0));
                evict_from_main(victims);
            } else {
                evict(window_, 0);
            }
        }
        (charge > window_max_ ? probation_ : window_).push_back({.id = id, .charge = charge});
        while (charge_of(window_) > window_max_) probation_.push_back(take(window_, 0));
    }

 private:
    Items window_;
    Items probation_;
    Items protected_;
    FrequencySketch sketch_;
    WindowClimber climber_;
    std::uint64_t window_max_ = 0;
    std::uint64_t protected_max_ = 0;
};

}  // namespace

std::unique_ptr<NaiveCache> make_naive_w_tinylfu(std::uint64_t bound) {
    return std::make_unique<WTinyLfu>(bound);
}

}  // namespace shardrun::policy::naive
