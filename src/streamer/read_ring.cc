#include "streamer/read_ring.h"

#include <poll.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>

#include "base/fail.h"
#include "streamer/flow.h"

namespace shardrun::streamer {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20U;
constexpr std::uint64_t kPollTag = ~std::uint64_t{0};
// Linux 6.1. One thread submits, and completions are worked off when it asks for them.
constexpr unsigned kOneThread = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;

}  // namespace

ReadRing::ReadRing(unsigned chunk_slots, unsigned small_slots)
    : chunk_slots_(chunk_slots), small_slots_(small_slots), ring_(std::make_unique<io_uring>()) {
    for (unsigned i = 0; i < chunk_slots; ++i) free_chunks_.push_back(static_cast<int>(i));
    for (unsigned i = 0; i < small_slots; ++i)
        free_small_.push_back(static_cast<int>(chunk_slots + i));
}

std::size_t ReadRing::arena_bytes() const {
    const std::size_t size = chunk_slots_ * kChunkBytes + small_slots_ * kSmallBytes;
    return (size + kHugePage - 1) / kHugePage * kHugePage;
}

Result<std::unique_ptr<ReadRing>> ReadRing::create(unsigned chunk_slots, unsigned small_slots) {
    std::unique_ptr<ReadRing> ring(new ReadRing(chunk_slots, small_slots));
    SR_DO(ring->open());
    return ring;
}

Result<void> ReadRing::open() {
    const unsigned entries = chunk_slots_ + small_slots_ + 1;
    int code = ::io_uring_queue_init(entries, ring_.get(), kOneThread | IORING_SETUP_R_DISABLED);
    if (code == -EINVAL)
        code = ::io_uring_queue_init(entries, ring_.get(), IORING_SETUP_R_DISABLED);
    if (code < 0) return fail(-code, "make a ring of {} reads", entries);
    is_open_ = true;
    // Twice the size, so that it can begin where a huge page can.
    const std::size_t size = arena_bytes();
    void* const area = ::mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED) return fail_errno("map {} bytes to read into", size);
    const auto address = reinterpret_cast<std::uintptr_t>(area);
    const std::size_t skip = (kHugePage - address % kHugePage) % kHugePage;
    arena_ = static_cast<std::byte*>(area) + skip;
    (void)::madvise(arena_, size, MADV_HUGEPAGE);  // Only the speed hangs on it.
    return restrict_and_enable();
}

/// With the first read that needs the disk: the kernel clears all of the memory for it.
void ReadRing::register_arena() {
    has_tried_to_register_ = true;
    const iovec arena{arena_, arena_bytes()};
    // Without the allowance for locked memory reads go the longer way.
    is_registered_ = ::io_uring_register_buffers(ring_.get(), &arena, 1) == 0;
}

Result<void> ReadRing::restrict_and_enable() {
    constexpr std::array kAllowed{IORING_OP_READ, IORING_OP_READ_FIXED, IORING_OP_POLL_ADD};
    std::array<io_uring_restriction, kAllowed.size() + 1> rules{};
    rules.back().opcode = IORING_RESTRICTION_REGISTER_OP;
    rules.back().register_op = IORING_REGISTER_BUFFERS;
    for (std::size_t i = 0; i < kAllowed.size(); ++i) {
        rules[i].opcode = IORING_RESTRICTION_SQE_OP;
        rules[i].sqe_op = kAllowed[i];
    }
    int code = ::io_uring_register_restrictions(ring_.get(), rules.data(), rules.size());
    if (code >= 0) code = ::io_uring_enable_rings(ring_.get());
    if (code < 0) return fail(-code, "restrict a ring to reading");
    return {};
}

ReadRing::~ReadRing() {
    if (is_open_) ::io_uring_queue_exit(ring_.get());
    // The arena goes with the process: the kernel may still write to it.
}

std::optional<int> ReadRing::take_slot(std::size_t size) {
    std::vector<int>& slots =
        size <= kSmallBytes && !free_small_.empty() ? free_small_ : free_chunks_;
    if (slots.empty()) return std::nullopt;
    const int slot = slots.back();
    slots.pop_back();
    return slot;
}

void ReadRing::give_slot(int slot) {
    (std::cmp_less(slot, chunk_slots_) ? free_chunks_ : free_small_).push_back(slot);
}

std::byte* ReadRing::buffer(int slot) const {
    const auto index = static_cast<std::size_t>(slot);
    if (index < chunk_slots_) return arena_ + index * kChunkBytes;
    return arena_ + chunk_slots_ * kChunkBytes + (index - chunk_slots_) * kSmallBytes;
}

void ReadRing::read(int file, int slot, std::size_t size, std::uint64_t offset) {
    if (!has_tried_to_register_) register_arena();
    io_uring_sqe* const entry = ::io_uring_get_sqe(ring_.get());
    SR_ASSERT(entry != nullptr);  // There are as many as slots, and one for the poll.
    const auto bytes = static_cast<unsigned>(size);
    if (is_registered_)
        ::io_uring_prep_read_fixed(entry, file, buffer(slot), bytes, offset, 0);
    else
        ::io_uring_prep_read(entry, file, buffer(slot), bytes, offset);
    ::io_uring_sqe_set_data64(entry, static_cast<unsigned>(slot));
}

void ReadRing::poll(int fd) {
    if (is_polling_) return;
    io_uring_sqe* const entry = ::io_uring_get_sqe(ring_.get());
    SR_ASSERT(entry != nullptr);
    ::io_uring_prep_poll_add(entry, fd, POLLIN);
    ::io_uring_sqe_set_data64(entry, kPollTag);
    is_polling_ = true;
}

void ReadRing::reap(unsigned awaited, const std::function<void(int, int)>& on_read) {
    // EINTR and EBUSY: the next round asks again.
    (void)::io_uring_submit_and_wait(ring_.get(), awaited);
    io_uring_cqe* entry = nullptr;
    while (::io_uring_peek_cqe(ring_.get(), &entry) == 0) {
        const auto tag = static_cast<std::uint64_t>(::io_uring_cqe_get_data64(entry));
        const int result = entry->res;
        ::io_uring_cqe_seen(ring_.get(), entry);
        if (tag == kPollTag)
            is_polling_ = false;
        else
            on_read(static_cast<int>(tag), result);
    }
}

}  // namespace shardrun::streamer
