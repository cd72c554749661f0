#pragma once

#include "shard/zygote/steps.h"

namespace shardrun::shard::zygote {

/// Puts this process into a user namespace of its own, in which uid and gid 0 are the shard's `uid`
/// on the host and no other id exists. Its other namespaces stay the host's: capabilities inside
/// reach nothing but the shard's files.
bool enter_user_namespace(std::uint32_t uid, Failure& failure);

}  // namespace shardrun::shard::zygote
