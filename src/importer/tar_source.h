#pragma once

#include "importer/archive_reader.h"
#include "importer/context.h"

namespace shardrun::importer {

enum class TarMeaning {
    plain,  ///< every entry is what it is
    layer,  ///< of an OCI image: names that begin with ".wh." take away what lower layers have
};

/// Puts a tar archive's entries on top of the tree. Errors name the path and the reason.
Result<void> import_tar(Context& context, ArchiveReader& archive, TarMeaning meaning);

}  // namespace shardrun::importer
