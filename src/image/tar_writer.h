#pragma once

#include <functional>
#include <span>
#include <string>

#include "image/manifest.h"

namespace shardrun::image {

/// Writes a tar archive in the pax interchange format, which carries every name, time, size, owner
/// and extended attribute of a manifest. Source: POSIX.1-2017, pax; tar(5).
class TarWriter {
 public:
    using Output = std::function<Result<void>(std::span<const std::byte>)>;
    explicit TarWriter(Output output) : output_(std::move(output)) {}

    /// The header of an entry; a file's bytes follow by `write_content`, all of them. `link_path`:
    /// what a hard link is another name of. A socket has no place in a tar and is left out: false.
    Result<bool> write_header(const Entry& entry, const std::string& link_path);
    Result<void> write_content(std::span<const std::byte> bytes);
    /// The end of a file's content, and of the archive.
    Result<void> end_content();
    Result<void> finish();

 private:
    Output output_;
    std::uint64_t content_bytes_ = 0;
};

}  // namespace shardrun::image
