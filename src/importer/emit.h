#pragma once

#include "importer/context.h"

namespace shardrun::importer {

/// Sends the finished tree: entries, prior, run configuration, and that it is done.
Result<void> emit_image(Context& context);

}  // namespace shardrun::importer
