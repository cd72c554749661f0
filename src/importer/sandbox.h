#pragma once

#include "image/import_options.h"

namespace shardrun::importer {

/// Gives up for good what the importer does not need, before it has read a byte of its input: every
/// user and group but `options.uid`'s (started as root), all capabilities, the network, new
/// programs and processes, all files but the open ones, and memory beyond the limit. `input`: the
/// root directory becomes it where it is a directory, else one that shows nothing. Errors: those
/// of a step that a kernel of the supported versions cannot refuse; then nothing may be imported.
Result<void> enter_sandbox(const image::ImportOptions& options, int input);

}  // namespace shardrun::importer
