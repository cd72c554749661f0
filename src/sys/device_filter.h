#pragma once

#include "shardrun/error.h"
#include "sys/cgroup_dir.h"

namespace shardrun::sys {

/// From now on processes of this cgroup and of all below it open no device nodes but null, zero,
/// full, random, urandom, tty, ptmx and pseudo-terminals, and make none. Lasts as long as the
/// cgroup. Errors: EPERM without CAP_BPF, EINVAL when the kernel lacks CONFIG_CGROUP_BPF. Source:
/// the kernel's cgroup-v2, "Device controller".
Result<void> restrict_devices(const CgroupDir& cgroup);

}  // namespace shardrun::sys
