#include "gate/ledger.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "base/fail.h"
#include "sys/file_io.h"

namespace shardrun::gate {
namespace {

constexpr std::uint32_t kCountMax = 1U << 24U;

using Word = std::atomic_ref<std::uint32_t>;

}  // namespace

Result<Ledger> Ledger::create(std::uint32_t count) {
    if (count > kCountMax) return refuse(EINVAL, "a gate cannot have {} opens wait", count);
    sys::UniqueFd memory(::memfd_create("shardrun-gate-ledger", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memory) return fail_errno("create a gate's ledger");
    const std::size_t size_bytes = (std::size_t{count} + 1) * sizeof(std::uint32_t);
    if (::ftruncate(memory.get(), static_cast<off_t>(size_bytes)) != 0)
        return fail_errno("size a gate's ledger");
    // Whoever maps it later relies on its size.
    if (::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return fail_errno("seal a gate's ledger");
    return map(std::move(memory), size_bytes);
}

Result<Ledger> Ledger::adopt(sys::UniqueFd memory) {
    SR_TRY(const struct stat status, sys::status_of(memory.get()));
    const auto size_bytes = static_cast<std::size_t>(status.st_size);
    const int seals = ::fcntl(memory.get(), F_GET_SEALS);
    const bool is_valid = seals >= 0 && (seals & F_SEAL_SHRINK) != 0 && size_bytes >= 8 &&
                          size_bytes % sizeof(std::uint32_t) == 0;
    if (!is_valid) return refuse(EPROTO, "a gate's ledger is none");
    return map(std::move(memory), size_bytes);
}

Result<Ledger> Ledger::map(sys::UniqueFd memory, std::size_t size_bytes) {
    void* const start =
        ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
    if (start == MAP_FAILED) return fail_errno("map a gate's ledger");
    return Ledger(std::move(memory), std::span(static_cast<std::uint32_t*>(start),
                                               size_bytes / sizeof(std::uint32_t)));
}

Ledger::~Ledger() {
    if (!words_.empty()) (void)::munmap(words_.data(), words_.size_bytes());  // It is mapped.
}

// The writer may be killed between any two of these; what the kernel's memory holds stays.
void Ledger::begin_reading() {
    Word(words_[0]).store(1);
}

void Ledger::end_reading() {
    Word(words_[0]).store(0);
}

bool Ledger::is_reading() const {
    return Word(words_[0]).load() != 0;
}

std::uint32_t& Ledger::word(Ticket ticket) const {
    const auto number = static_cast<std::uint32_t>(std::to_underlying(ticket));
    SR_ASSERT(number < count());
    return words_[number + 1];
}

void Ledger::note(Ticket ticket, FileId file) {
    Word(word(ticket)).store(std::to_underlying(file) + 1);
}

void Ledger::strike(Ticket ticket) {
    Word(word(ticket)).store(0);
}

bool Ledger::has(Ticket ticket) const {
    return Word(word(ticket)).load() != 0;
}

std::vector<std::pair<Ticket, FileId>> Ledger::waiting() const {
    std::vector<std::pair<Ticket, FileId>> result;
    for (std::uint32_t number = 0; number < count(); ++number) {
        const Ticket ticket{static_cast<std::int32_t>(number)};
        if (has(ticket)) result.emplace_back(ticket, FileId{Word(word(ticket)).load() - 1});
    }
    return result;
}

}  // namespace shardrun::gate
