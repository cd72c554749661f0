#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "policy/permission.h"
#include "shard/spec.h"
#include "shardrun/error.h"
#include "shardrun/messages.h"
#include "supervisor/config.h"

/// From what a client asks for to what is built: every wish checked, every gap filled from the
/// configuration. Pure.
namespace shardrun::supervisor {

/// The rule that `uid` falls under; borrows from `config`.
policy::Grant grant_of(const Config& config, uid_t uid);

/// A spec without id, slice and uid. `missing`: Controller bits the host lacks. Errors: those of
/// policy/permission.h and policy/shard_limits.h; ENOENT for an image without a store or an unknown
/// seccomp profile; EINVAL for the names of an image or a host.
Result<shard::ShardSpec> check_shard(const Config& config, const policy::Grant& grant,
                                     const ShardOptions& options, std::uint32_t missing);

/// What a client without any wish gets; the kind the warm pool keeps ready from the start.
shard::ShardSpec default_shard(const Config& config);

/// A program without id and stdio. `fd_count`: descriptors that came along. Errors: EINVAL with
/// the part that cannot be.
Result<shard::ProgramSpec> check_program(ProgramOptions options, std::size_t fd_count,
                                         const ShardLimits& limits);

/// The limits after a resize. Errors: as check_shard; EINVAL for the tmpfs size, which is fixed.
Result<ShardLimits> check_resize(const policy::Grant& grant, const ShardLimits& current,
                                 const ShardLimits& wish, std::uint32_t missing);

/// The configuration in force, as a listing shows it.
ShardOptions options_of(const shard::ShardSpec& spec);

}  // namespace shardrun::supervisor
