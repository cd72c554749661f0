#pragma once

#include "shard/zygote/steps.h"

namespace shardrun::shard::zygote {

/// A second wall behind the mounts: nothing below may write outside the shard's own places, make
/// device nodes, mount, or (where the kernel knows it) signal or reach by an abstract socket what
/// is not in this shard. Without Landlock in the kernel there is none: the mounts hold by
/// themselves.
inline constexpr long kNoRules = 0;

/// A descriptor of the rules, kNoRules, or a negative errno. Once all is mounted that they name.
long make_file_rules(Failure& failure);

/// Holds for the caller and all its children, who cannot mount any more. Closes `rules`.
bool restrict_files(long rules, Failure& failure);

}  // namespace shardrun::shard::zygote
