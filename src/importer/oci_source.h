#pragma once

#include <memory>

#include "importer/byte_source.h"
#include "importer/context.h"

namespace shardrun::importer {

/// The files of an OCI image layout, by their paths in it.
class LayoutFiles {
 public:
    LayoutFiles() = default;
    LayoutFiles(const LayoutFiles&) = delete;
    LayoutFiles& operator=(const LayoutFiles&) = delete;
    virtual ~LayoutFiles() = default;

    /// One source at a time. Errors: ENOENT.
    virtual Result<std::unique_ptr<ByteSource>> open(const std::string& path) = 0;
};

/// Puts an image of the layout into the tree, layer upon layer. Every document and layer is held to
/// the digest and size by which it was named.
Result<void> import_oci_layout(Context& context, LayoutFiles& files);

}  // namespace shardrun::importer
