#pragma once

#include <string>

#include "sys/probe.h"

/// The single attempts of `probe_host`. Each gives 0 or an errno value.
namespace shardrun::sys {

ProbeCode make_cgroup(const std::string& path);
ProbeCode try_clone_into_cgroup(const std::string& path);
ProbeCode try_access(const std::string& path);
ProbeCode try_namespaces();
ProbeCode try_user_namespace();
ProbeCode try_mount_api();
ProbeCode try_seccomp_filter();
ProbeCode try_pidfd();
ProbeCode try_close_range();
ProbeCode try_memfd_seal(bool with_exec_seal);
ProbeCode try_peer_pidfd();
ProbeCode try_device_program();
/// Opens a trigger-less /proc/pressure/cpu and reads it: with psi=0 the open succeeds, the read
/// fails.
ProbeCode try_pressure();
/// The version of the Landlock interface; 0: none.
int landlock_abi();

}  // namespace shardrun::sys
