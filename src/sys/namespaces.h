#pragma once

#include <sys/types.h>

#include <string>

namespace shardrun::sys {

/// The kinds of namespace that the process does not share with us, as "mnt pid net ipc uts cgroup";
/// empty when it is gone or may not be looked at. Source: namespaces(7).
std::string own_namespaces(pid_t process);

}  // namespace shardrun::sys
