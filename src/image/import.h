#pragma once

#include <functional>
#include <string>
#include <vector>

#include "blob/session.h"
#include "image/import_options.h"
#include "image/manifest.h"
#include "sys/unique_fd.h"

namespace shardrun::image {

struct ImportProgress {
    std::uint64_t input_bytes = 0;    ///< read so far
    std::uint64_t input_size = 0;     ///< 0: unknown
    std::uint64_t content_count = 0;  ///< files stored so far
    std::uint64_t content_bytes = 0;
};

struct ImportRequest {
    UniqueFd input;      ///< a directory, or an archive to be read from where it stands
    std::string helper;  ///< the path of the program shardrun-import
    ImportOptions options;
    std::function<void(const ImportProgress&)> on_progress;  ///< may be empty
    /// False: files are read and hashed, and only the manifest is stored; the rest is left to
    /// whoever has it.
    bool keeps_content = true;
};

struct ImportedImage {
    Manifest manifest;
    blob::StoredBlob blob;           ///< the manifest's own
    std::vector<std::string> notes;  ///< sentences for the user
};

/// Imports into the session's store, and flushes it. What is read are strangers' bytes, and another
/// process reads them: one without rights, files or network, that sends entries and contents as
/// frames. Here they are counted, hashed, checked and stored. The image has no name yet, and is
/// kept by the session until it gets one. Errors: what the importer refused, with path and reason;
/// E2BIG beyond the limits; EPROTO when the importer broke its rules; ECHILD when it died.
Result<ImportedImage> import_image(blob::Session& session, const ImportRequest& request);

}  // namespace shardrun::image
