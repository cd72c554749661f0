#include "naive_cache.h"

#include <algorithm>
#include <optional>

namespace shardrun::policy::naive {

std::uint64_t charge_of(const Items& items) {
    std::uint64_t sum = 0;
    for (const Item& item : items) sum += item.charge;
    return sum;
}

std::size_t index_of(const Items& items, std::uint64_t id) {
    return static_cast<std::size_t>(std::ranges::find(items, id, &Item::id) - items.begin());
}

Item take(Items& items, std::size_t at) {
    const Item item = items.at(at);
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(at));
    return item;
}

void NaiveCache::evict(Items& items, std::size_t at) {
    evicted_.push_back(take(items, at).id);
}

namespace {

/// Those that choose by a number for each object: FIFO, LRU and LFU.
class ByKey : public NaiveCache {
 public:
    ByKey(EvictionPolicy policy, std::uint64_t bound) : NaiveCache(bound), policy_(policy) {}

 protected:
    bool hit(std::uint64_t id) override {
        const std::size_t at = index_of(items_, id);
        if (at == items_.size()) return false;
        if (policy_ == EvictionPolicy::lfu) ++items_[at].uses;
        if (policy_ != EvictionPolicy::fifo) items_[at].stamp = now_;
        return true;
    }
    void miss(std::uint64_t id, std::uint64_t charge) override {
        while (charge_of(items_) + charge > bound_) {
            const auto before = [](const Item& a, const Item& b) {
                return a.uses != b.uses ? a.uses < b.uses : a.stamp < b.stamp;
            };
            evict(items_, index_of(items_, std::ranges::min_element(items_, before)->id));
        }
        items_.push_back({.id = id, .charge = charge, .stamp = now_});
    }

 private:
    EvictionPolicy policy_;
    Items items_;
};

class Gdsf : public NaiveCache {
 public:
    using NaiveCache::NaiveCache;

 protected:
    double worth(std::uint64_t uses, std::uint64_t charge) const {
        return clock_ + static_cast<double>(uses) / static_cast<double>(charge);
    }
    bool hit(std::uint64_t id) override {
        const std::size_t at = index_of(items_, id);
        if (at == items_.size()) return false;
        Item& item = items_[at];
        item.worth = worth(++item.uses, item.charge);
        item.stamp = now_;
        return true;
    }
    void miss(std::uint64_t id, std::uint64_t charge) override {
        std::ranges::sort(items_, [](const Item& a, const Item& b) {
            return a.worth != b.worth ? a.worth < b.worth : a.stamp < b.stamp;
        });
        const double own = worth(1, charge);
        std::uint64_t rest = charge_of(items_);
        std::size_t count = 0;
        for (; rest + charge > bound_; ++count) {
            if (items_[count].worth > own) {
                clock_ = own;
                return;
            }
            rest -= items_[count].charge;
        }
        for (; count > 0; --count) {
            clock_ = std::max(clock_, items_[0].worth);
            evict(items_, 0);
        }
        items_.push_back({id, charge, 1, now_, worth(1, charge)});
    }

 private:
    Items items_;
    double clock_ = 0;
};

class Sieve : public NaiveCache {
 public:
    using NaiveCache::NaiveCache;

 protected:
    bool hit(std::uint64_t id) override {
        const std::size_t at = index_of(items_, id);
        if (at == items_.size()) return false;
        items_[at].uses = 1;
        return true;
    }
    void miss(std::uint64_t id, std::uint64_t charge) override {
        while (charge_of(items_) + charge > bound_) {
            // Oldest first, so that the hand moves upwards; past the end it begins again.
            if (hand_ >= items_.size()) hand_ = 0;
            if (items_[hand_].uses == 0)
                evict(items_, hand_);  // The next one has moved to the hand's place.
            else
                items_[hand_++].uses = 0;
        }
        // A hand that has passed the newest begins again with the oldest, not with the newcomer.
        if (hand_ >= items_.size()) hand_ = 0;
        items_.push_back({.id = id, .charge = charge});
    }

 private:
    Items items_;
    std::size_t hand_ = 0;
};

class S3Fifo : public NaiveCache {
 public:
    using NaiveCache::NaiveCache;

 protected:
    bool hit(std::uint64_t id) override {
        for (Items* items : {&small_, &main_}) {
            const std::size_t at = index_of(*items, id);
            if (at == items->size()) continue;
            (*items)[at].uses = std::min<std::uint64_t>((*items)[at].uses + 1, 3);
            return true;
        }
        return false;
    }
    void evict_small() {
        while (!small_.empty()) {
            Item item = take(small_, 0);
            if (item.uses <= 1) {
                evicted_.push_back(item.id);
                ghosts_.push_back(item);
                while (charge_of(ghosts_) > bound_ - bound_ / 10) (void)take(ghosts_, 0);
                return;
            }
            item.uses = 0;
            main_.push_back(item);
            if (is_main_due()) return;
        }
    }
    void evict_main() {
        while (main_[0].uses > 0) {
            Item item = take(main_, 0);
            --item.uses;
            main_.push_back(item);
        }
        evict(main_, 0);
    }
    bool is_main_due() const {
        return small_.empty() || (charge_of(small_) * 10 < bound_ && !main_.empty());
    }
    void miss(std::uint64_t id, std::uint64_t charge) override {
        const std::size_t ghost = index_of(ghosts_, id);
        const bool was_ghost = ghost < ghosts_.size();
        if (was_ghost) (void)take(ghosts_, ghost);
        while (charge_of(small_) + charge_of(main_) + charge > bound_)
            is_main_due() ? evict_main() : evict_small();
        (was_ghost ? main_ : small_).push_back({.id = id, .charge = charge});
    }

 private:
    Items small_;  ///< oldest first
    Items main_;
    Items ghosts_;
};

/// Figure 4 of the paper, line by line; "size" is the sum of charges. Least recently used first.
class Arc : public NaiveCache {
 public:
    using NaiveCache::NaiveCache;

 protected:
    bool hit(std::uint64_t id) override {
        for (Items* items : {&t1_, &t2_}) {
            const std::size_t at = index_of(*items, id);
            if (at == items->size()) continue;
            t2_.push_back(take(*items, at));
            return true;
        }
        return false;
    }
    void replace(bool is_in_b2) {
        const auto t1 = static_cast<double>(charge_of(t1_));
        const bool from_t1 = !t1_.empty() && ((is_in_b2 && t1 >= p_) || t1 > p_ || t2_.empty());
        Items& from = from_t1 ? t1_ : t2_;
        Items& to = from_t1 ? b1_ : b2_;
        to.push_back(from[0]);
        evict(from, 0);
        trim(0);
    }
    void trim(std::uint64_t charge) {
        while (!b1_.empty() && charge_of(t1_) + charge_of(b1_) + charge > bound_)
            (void)take(b1_, 0);
        while (!b2_.empty() && total() + charge > 2 * bound_) (void)take(b2_, 0);
    }
    std::uint64_t total() const {
        return charge_of(t1_) + charge_of(b1_) + charge_of(t2_) + charge_of(b2_);
    }
    bool is_full(std::uint64_t charge) const {
        return charge_of(t1_) + charge_of(t2_) + charge > bound_;
    }
    void miss(std::uint64_t id, std::uint64_t charge) override {
        const auto b1 = static_cast<double>(charge_of(b1_));
        const auto b2 = static_cast<double>(charge_of(b2_));
        const auto step = static_cast<double>(charge);
        const std::size_t in_b1 = index_of(b1_, id);
        const std::size_t in_b2 = index_of(b2_, id);
        if (in_b1 < b1_.size()) {  // Case II
            p_ = std::min(p_ + step * std::max(b2 / b1, 1.0), static_cast<double>(bound_));
            (void)take(b1_, in_b1);
            while (is_full(charge)) replace(false);
            t2_.push_back({.id = id, .charge = charge});
        } else if (in_b2 < b2_.size()) {  // Case III
            p_ = std::max(p_ - step * std::max(b1 / b2, 1.0), 0.0);
            (void)take(b2_, in_b2);
            while (is_full(charge)) replace(true);
            t2_.push_back({.id = id, .charge = charge});
        } else {  // Case IV
            trim(charge);
            while (is_full(charge)) {
                if (charge_of(t1_) + charge > bound_)
                    evict(t1_, 0);
                else
                    replace(false);
            }
            t1_.push_back({.id = id, .charge = charge});
        }
    }

 private:
    Items t1_;
    Items t2_;
    Items b1_;
    Items b2_;
    double p_ = 0;
};

}  // namespace

std::unique_ptr<NaiveCache> make_naive_cache(EvictionPolicy policy, std::uint64_t bound) {
    switch (policy) {
        case EvictionPolicy::fifo:
        case EvictionPolicy::lru:
        case EvictionPolicy::lfu:
            return std::make_unique<ByKey>(policy, bound);
        case EvictionPolicy::gdsf:
            return std::make_unique<Gdsf>(bound);
        case EvictionPolicy::arc:
            return std::make_unique<Arc>(bound);
        case EvictionPolicy::sieve:
            return std::make_unique<Sieve>(bound);
        case EvictionPolicy::s3_fifo:
            return std::make_unique<S3Fifo>(bound);
        case EvictionPolicy::w_tinylfu:
            return make_naive_w_tinylfu(bound);
    }
    return nullptr;
}

}  // namespace shardrun::policy::naive
