#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "blob/digest.h"
#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::bench {

/// Files of one size on a disk, and as many placeholders in a tmpfs that they can be copied to.
class StreamSet {
 public:
    /// Writes the files to a new folder in `disk_folder` and mounts the tmpfs, with huge pages
    /// where a file has its size beforehand, at `memory_folder`, which is empty. Errors: ENOSPC,
    /// EPERM.
    static Result<StreamSet> create(const std::string& disk_folder,
                                    const std::string& memory_folder, std::uint64_t size_bytes,
                                    unsigned count);
    ~StreamSet();
    StreamSet(StreamSet&&) = default;
    StreamSet(const StreamSet&) = delete;
    StreamSet& operator=(const StreamSet&) = delete;
    StreamSet& operator=(StreamSet&&) = delete;

    std::uint64_t size_bytes() const { return size_bytes_; }
    std::size_t count() const { return digests_.size(); }
    std::uint64_t total_bytes() const { return size_bytes_ * count(); }
    const blob::Digest& digest(std::size_t file) const { return digests_[file]; }
    const std::string& source_folder() const { return source_; }
    /// In the same tmpfs as the placeholders, for whoever makes its files by itself; empty.
    const std::string& free_folder() const { return free_; }

    Result<sys::UniqueFd> open_source(std::size_t file) const;
    /// For writing.
    Result<sys::UniqueFd> open_placeholder(std::size_t file) const;

    /// The page cache has all files from now on, or none.
    Result<void> warm() const;
    Result<void> cool() const;
    /// Placeholders are without bytes again and the free folder is empty.
    Result<void> reset() const;

 private:
    StreamSet(std::uint64_t size_bytes, std::string source, std::string mount);
    Result<void> write_source(std::size_t file);

    std::uint64_t size_bytes_;
    std::string source_;
    std::string mount_;
    std::string free_;
    std::vector<blob::Digest> digests_;
};

/// Touches so many bytes of memory and gives them back. A virtual machine may have returned what
/// was free for a second to its host, and the next to use it waits for the host: to be called right
/// before whatever is timed.
Result<void> touch_memory(std::uint64_t bytes);

}  // namespace shardrun::bench
