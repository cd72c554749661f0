#pragma once

#include "shard/zygote/steps.h"

namespace shardrun::shard::zygote {

/// A second wall behind the mounts: nothing below may write outside the shard's own places, make
/// device nodes, mount, or (where the kernel knows it) signal or reach by an abstract socket what
/// is not in this shard. Holds for the caller and all its children. Without Landlock in the kernel
/// nothing happens: the mounts hold by themselves.
bool restrict_files(Failure& failure);

}  // namespace shardrun::shard::zygote
