#pragma once

#include <functional>

#include "blob/store.h"
#include "image/manifest.h"

namespace shardrun::image {

struct ExportReport {
    std::uint64_t entry_count = 0;
    std::uint64_t skipped_count = 0;  ///< sockets
};

/// Writes the image to `fd` as a tar archive; each file's digest is checked on the way. Errors:
/// EBADMSG for a rotten blob, ENOENT for a missing one, those of write(2). After an error what was
/// written is no archive. `on_progress`: bytes of contents so far.
Result<ExportReport> export_tar(const blob::Store& store, const Manifest& manifest, int fd,
                                const std::function<void(std::uint64_t)>& on_progress);

}  // namespace shardrun::image
