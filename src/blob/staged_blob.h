#pragma once

#include <optional>
#include <vector>

#include "blob/digest.h"
#include "sys/staged_file.h"

namespace shardrun::blob {

/// Readable for programs that take the store as what it is; writable for nobody.
inline constexpr mode_t kBlobMode = 0444;

/// A blob on its way into the store: bytes that are hashed as they come. A small one waits in
/// memory, so that a blob the store has already costs no file.
class StagedBlob {
 public:
    /// `staging` must outlive it.
    explicit StagedBlob(const sys::Directory& staging) : staging_(&staging) {}

    /// Errors: ENOSPC, EIO.
    Result<void> append(std::span<const std::byte> bytes);

    std::uint64_t size_bytes() const { return size_bytes_; }

 private:
    friend class Session;

    Result<void> write_out();
    /// Once it was written out.
    const sys::StagedFile& file() const;

    const sys::Directory* staging_;
    Hasher hasher_;
    std::uint64_t size_bytes_ = 0;
    std::vector<std::byte> waiting_;
    std::optional<sys::StagedFile> file_;
};

}  // namespace shardrun::blob
