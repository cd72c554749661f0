#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "shardrun/error.h"
#include "sys/unique_fd.h"

namespace shardrun::sys {

/// How large a tmpfs may grow.
struct TmpfsLimits {
    std::uint64_t size_max_bytes = 0;
    std::uint64_t inodes_max = 0;
};

/// A tmpfs that no mount table shows; the descriptor is its root directory, and the last one that
/// closes frees it. Files that get their size before their bytes get huge pages, where the kernel
/// has them. Without set-user-id, devices and access times. Errors: EPERM without CAP_SYS_ADMIN.
/// Source: fsopen(2), fsmount(2), tmpfs(5).
Result<UniqueFd> make_detached_tmpfs(const std::string& source, const TmpfsLimits& limits);

/// A further, read-only view of the whole mount, detached as well; to be attached with
/// move_mount(2) in any mount namespace. Errors: EINVAL before Linux 6.15, when `mount` itself is
/// attached nowhere (see attach_mount).
Result<UniqueFd> clone_read_only(int mount);

/// Shows a detached mount at the directory `target` of our mount namespace.
Result<void> attach_mount(int mount, const std::string& target);

}  // namespace shardrun::sys
