#pragma once

#include "importer/broker_client.h"
#include "importer/context.h"

namespace shardrun::importer {

/// Puts the broker's directory with all below it into the tree.
/// Nothing is opened by path from here; symbolic links are taken as they are and never followed.
Result<void> import_directory(Context& context, const BrokerClient& broker);

}  // namespace shardrun::importer
