#pragma once

#include <linux/filter.h>

#include <span>
#include <string_view>

#include "seccomp/action.h"

namespace shardrun::seccomp {

/// The calls that a parked runner makes after its filter is loaded, up to execve(2).
std::span<const std::string_view> launch_calls();

/// True when the filter performs each of launch_calls() whatever its arguments are, and ioctl(2)
/// for TIOCSCTTY. An exec under a filter that says no would fail with the runner half set up.
bool allows_launch(std::span<const sock_filter> filter, Arch arch);

}  // namespace shardrun::seccomp
