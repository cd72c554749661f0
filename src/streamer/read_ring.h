#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "shardrun/error.h"

namespace shardrun::streamer {

/// Reads that are under way at the disk, and the memory that they go to. Belongs to the thread that
/// made it. The ring can do nothing but read and poll, whatever becomes of its owner.
class ReadRing {
 public:
    /// `chunk_slots` pieces of kChunkBytes and `small_slots` of kSmallBytes; together an arena that
    /// is registered with the kernel once it is needed. Errors: EPERM, ENOSYS where io_uring is not
    /// to be had.
    static Result<std::unique_ptr<ReadRing>> create(unsigned chunk_slots, unsigned small_slots);

    static constexpr std::size_t kSmallBytes = std::size_t{16} * 1024;

    ReadRing(const ReadRing&) = delete;
    ReadRing& operator=(const ReadRing&) = delete;
    ~ReadRing();

    /// A free piece for so many bytes; none: all are taken.
    std::optional<int> take_slot(std::size_t size);
    void give_slot(int slot);
    std::byte* buffer(int slot) const;

    void read(int file, int slot, std::size_t size, std::uint64_t offset);
    /// One wake-up when `fd` is readable. At most one is under way.
    void poll(int fd);

    /// Submits, waits until so many things have completed, and tells of each read that did.
    void reap(unsigned awaited, const std::function<void(int slot, int result)>& on_read);

 private:
    ReadRing(unsigned chunk_slots, unsigned small_slots);
    Result<void> open();
    Result<void> restrict_and_enable();
    void register_arena();
    std::size_t arena_bytes() const;

    unsigned chunk_slots_;
    unsigned small_slots_;
    std::unique_ptr<io_uring> ring_;
    std::byte* arena_ = nullptr;
    bool is_open_ = false;
    bool has_tried_to_register_ = false;
    bool is_registered_ = false;
    bool is_polling_ = false;
    std::vector<int> free_chunks_;
    std::vector<int> free_small_;
};

}  // namespace shardrun::streamer
