#pragma once

#include <memory>

#include "shard/tree_source.h"
#include "shardrun/error.h"
#include "supervisor/config.h"
#include "sys/event_loop.h"

namespace shardrun::cli {

/// The trees of the images in the configured store, which need not be there yet. Starts the
/// streamer, and with origins the fetcher. `loop` outlives them. Errors: ENOENT when one of them is
/// not installed.
Result<std::unique_ptr<shard::TreeSource>> make_image_trees(const supervisor::Config& config,
                                                            sys::EventLoop& loop);

}  // namespace shardrun::cli
