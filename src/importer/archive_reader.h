#pragma once

#include <memory>
#include <optional>
#include <span>

#include "importer/byte_source.h"

struct archive;
struct archive_entry;

namespace shardrun::importer {

/// A tar archive in any compression that libarchive knows without starting programs. Names are
/// bytes: nothing is converted. Errors: EPROTO for what is no archive, or a damaged one.
class ArchiveReader {
 public:
    /// `source` must outlive it.
    static Result<std::unique_ptr<ArchiveReader>> open(ByteSource& source);
    ArchiveReader(const ArchiveReader&) = delete;
    ArchiveReader& operator=(const ArchiveReader&) = delete;
    ~ArchiveReader();

    /// The next entry, valid until the next call; nullptr at the end.
    Result<archive_entry*> next();

    struct Block {
        std::span<const std::byte> bytes;
        std::uint64_t offset = 0;  ///< in the file; what lies between blocks are zeros
    };
    /// A piece of the entry's content; none at its end.
    Result<std::optional<Block>> read_block();

 private:
    struct Free {
        void operator()(archive* handle) const;
    };
    explicit ArchiveReader(ByteSource& source);
    static ssize_t on_read(archive* handle, void* self, const void** bytes);
    static std::int64_t on_skip(archive* handle, void* self, std::int64_t size);
    std::unexpected<Error> failure();

    ByteSource& source_;
    std::unique_ptr<archive, Free> handle_;
    std::vector<std::byte> buffer_;
    std::optional<Error> source_error_;
};

}  // namespace shardrun::importer
