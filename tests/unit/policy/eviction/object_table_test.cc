#include "policy/eviction/object_table.h"

#include <doctest/doctest.h>

#include <map>
#include <vector>

#include "base/rng.h"
#include "policy/eviction/slot_heap.h"
#include "policy/eviction/slot_list.h"

using shardrun::Rng;
using namespace shardrun::policy;

TEST_CASE("a table finds what was added and not what was erased, as a map would") {
    Rng rng(1);
    ObjectTable table;
    std::map<std::uint64_t, Slot> model;
    for (int i = 0; i < 40000; ++i) {
        const std::uint64_t id = rng.below(i < 20000 ? 3000 : 40);  // Grows, then nearly empties.
        const auto found = model.find(id);
        REQUIRE(table.find(ObjectId{id}) == (found == model.end() ? kNoSlot : found->second));
        if (found == model.end() && rng.chance(60)) {
            model[id] = table.add(ObjectId{id}, id + 1);
        } else if (found != model.end() && rng.chance(50)) {
            table.erase(found->second);
            model.erase(found);
        }
        REQUIRE(table.size() == model.size());
    }
    for (const auto& [id, slot] : model) {
        CHECK(table[slot].id == ObjectId{id});
        CHECK(table[slot].charge == id + 1);
    }
}

TEST_CASE("an erased slot is given again, with nothing left of its object") {
    ObjectTable table;
    const Slot slot = table.add(ObjectId{1}, 5);
    table[slot].uses = 9;
    table[slot].pins = 1;
    table.erase(slot);
    CHECK(table.add(ObjectId{2}, 6) == slot);
    CHECK(table[slot].uses == 0);
    CHECK(table[slot].pins == 0);
    CHECK(table[slot].charge == 6);
}

TEST_CASE("ids at both ends of the range are ids like others") {
    ObjectTable table;
    const Slot least = table.add(ObjectId{0}, 1);
    CHECK(table.find(ObjectId{~std::uint64_t{0}}) == kNoSlot);
    const Slot most = table.add(ObjectId{~std::uint64_t{0}}, 1);
    CHECK(table.find(ObjectId{0}) == least);
    CHECK(table.find(ObjectId{~std::uint64_t{0}}) == most);
}

TEST_CASE("a list keeps its order and its charge while objects come, move and leave") {
    ObjectTable table;
    SlotList list(table);
    const Slot a = table.add(ObjectId{1}, 10);
    const Slot b = table.add(ObjectId{2}, 20);
    const Slot c = table.add(ObjectId{3}, 30);
    CHECK(list.is_empty());
    list.push_front(a);
    list.push_front(b);
    list.push_back(c);
    CHECK(list.front() == b);
    CHECK(list.back() == c);
    CHECK(list.charge() == 60);
    list.move_to_front(a);
    CHECK(table[a].after == b);
    list.unlink(b);
    CHECK(table[a].after == c);
    CHECK(list.pop_back() == c);
    CHECK(list.pop_back() == a);
    CHECK(list.is_empty());
    CHECK(list.front() == kNoSlot);
    CHECK(list.charge() == 0);
}

namespace {

/// The one that a heap must give next: the lowest, of equals the one set first.
struct HeapModel {
    std::map<Slot, std::pair<double, int>> entries;
    int now = 0;

    void set(Slot slot, double priority) { entries[slot] = {priority, ++now}; }
    Slot lowest() const {
        Slot best = kNoSlot;
        for (const auto& [slot, entry] : entries)
            if (best == kNoSlot || entry < entries.at(best)) best = slot;
        return best;
    }
};

}  // namespace

TEST_CASE("a heap gives the lowest first, and of equals the one that was set first") {
    Rng rng(2);
    SlotHeap heap;
    HeapModel model;
    for (int i = 0; i < 20000; ++i) {
        const Slot slot = static_cast<Slot>(rng.below(60));
        const auto priority = static_cast<double>(rng.below(9));
        const bool is_there = model.entries.contains(slot);
        if (is_there && rng.chance(20)) {
            heap.remove(slot);
            model.entries.erase(slot);
        } else {
            is_there ? heap.set(slot, priority) : heap.push(slot, priority);
            model.set(slot, priority);
        }
        if (rng.chance(40) && !model.entries.empty()) {
            const Slot lowest = model.lowest();
            REQUIRE(heap.lowest() == model.entries.at(lowest).first);
            REQUIRE(heap.pop() == lowest);
            model.entries.erase(lowest);
        }
        REQUIRE(heap.is_empty() == model.entries.empty());
    }
}

TEST_CASE("looking at the lowest changes nothing, not even among equals") {
    SlotHeap heap;
    for (Slot slot = 0; slot < 20; ++slot) heap.push(slot, slot % 3);
    std::vector<Slot> looked;
    heap.look(9, [&](Slot slot, double) {
        looked.push_back(slot);
        return false;
    });
    CHECK(looked == std::vector<Slot>{0, 3, 6, 9, 12, 15, 18, 1, 4});
    std::vector<Slot> two;
    heap.look(9, [&](Slot slot, double) {
        two.push_back(slot);
        return two.size() == 2;
    });
    CHECK(two == std::vector<Slot>{0, 3});
    for (const Slot slot : looked) CHECK(heap.pop() == slot);
}
