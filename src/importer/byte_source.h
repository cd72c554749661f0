#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "importer/budget.h"
#include "sys/unique_fd.h"

namespace shardrun::importer {

/// Bytes that are read once, from front to back.
class ByteSource {
 public:
    ByteSource() = default;
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;
    virtual ~ByteSource() = default;

    /// Some of them; 0 at the end.
    virtual Result<std::size_t> read(std::span<std::byte> bytes) = 0;
    /// Passes over up to so many, as far as that is cheaper than to read them; says how many.
    virtual std::uint64_t skip(std::uint64_t) { return 0; }
};

/// An open file, counted as input.
class FdSource final : public ByteSource {
 public:
    FdSource(UniqueFd fd, Budget& budget)
        : owned_(std::move(fd)), fd_(owned_.get()), budget_(budget) {}
    /// `fd` stays the caller's.
    FdSource(int fd, Budget& budget) : fd_(fd), budget_(budget) {}

    Result<std::size_t> read(std::span<std::byte> bytes) override;
    std::uint64_t skip(std::uint64_t size) override;

 private:
    UniqueFd owned_;
    int fd_;
    Budget& budget_;
};

}  // namespace shardrun::importer
