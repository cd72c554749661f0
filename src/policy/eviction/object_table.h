#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace shardrun::policy {

/// What a cache knows an object by: a number that its owner gives, the same for equal objects only.
/// Never a number that clients choose: the table below is not made for chosen collisions.
enum class ObjectId : std::uint64_t {};

/// Where an object stands in an ObjectTable.
using Slot = std::uint32_t;
inline constexpr Slot kNoSlot = ~Slot{0};

/// Objects by id and by slot. A slot stays until its object is erased and is given again later.
/// Finding, adding and erasing take O(1); the table doubles when it is full and never shrinks, so
/// it allocates nothing once it has held as many objects as it will.
class ObjectTable {
 public:
    struct Object {
        ObjectId id{};
        std::uint64_t charge = 0;  ///< what it takes of the cache's bound
        Slot before = kNoSlot;     ///< neighbours in a SlotList, towards its front
        Slot after = kNoSlot;      ///< and towards its back
        // The next three are the EvictionOrder's.
        std::uint32_t uses = 0;
        std::uint32_t row = 0;
        std::uint8_t place = 0;
        // The rest is the Cache's.
        bool is_used = false;        ///< somebody asked for it
        bool is_aside = false;       ///< pinned, and out of the order since it was to go
        bool is_used_aside = false;  ///< somebody asked for it meanwhile
        std::uint32_t pins = 0;
    };

    ObjectTable();

    /// kNoSlot when it is not there.
    Slot find(ObjectId id) const;
    /// `id` must not be there yet.
    Slot add(ObjectId id, std::uint64_t charge);
    void erase(Slot slot);

    Object& operator[](Slot slot) { return objects_[slot]; }
    const Object& operator[](Slot slot) const { return objects_[slot]; }
    std::size_t size() const { return size_; }

 private:
    struct Cell {
        ObjectId id{};
        Slot slot = kNoSlot;
    };

    std::size_t home_of(ObjectId id) const;
    std::size_t cell_of(ObjectId id) const;
    void grow();

    std::vector<Object> objects_;
    std::vector<Slot> free_;
    std::vector<Cell>
        cells_;  ///< open addressing, linear probing, a power of two, half full at most
    std::size_t size_ = 0;
};

}  // namespace shardrun::policy
