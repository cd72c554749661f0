#pragma once

#include <vector>

#include "policy/eviction/eviction_order.h"
#include "policy/eviction/slot_list.h"

namespace shardrun::policy {

/// The least often used one goes first; of equals the one that has had its count for longest.
/// Counts begin with 1 when an object comes and are lost when it goes.
/// Source: Shah, Mitra, Matani: An O(1) algorithm for implementing the LFU cache eviction scheme,
/// 2010.
class LfuOrder : public EvictionOrder {
 public:
    explicit LfuOrder(ObjectTable& objects) : objects_(objects) {}

    void insert(Slot slot) override;
    void on_use(Slot slot) override;
    void on_first_use(Slot slot) override;
    Slot take_victim(const Newcomer* newcomer, std::uint64_t need) override;
    void put_back(Slot slot) override;
    void remove(Slot slot) override;

 private:
    using Row = std::uint32_t;  ///< index into `rows_`
    static constexpr Row kNoRow = ~Row{0};

    /// The objects with one count, the one that has had it for longest at the back.
    struct CountRow {
        std::uint32_t count = 0;
        Row fewer = kNoRow;
        Row more = kNoRow;
        SlotList list;
    };

    /// The row of this count, made when there is none; `fewer` is a row of a lower count behind
    /// which to look, or kNoRow for the lowest.
    Row row_of(std::uint32_t count, Row fewer);
    Row add_row(std::uint32_t count, Row fewer, Row more);
    void drop_if_empty(Row row);

    ObjectTable& objects_;
    std::vector<CountRow> rows_;
    std::vector<Row> free_;
    Row lowest_ = kNoRow;
};

}  // namespace shardrun::policy
