#pragma once

#include <linux/seccomp.h>

#include "seccomp/profile.h"

namespace shardrun::seccomp::test {

/// What a profile means by its own definition (profile.h), one rule after the other: the slow and
/// obvious way. For what libseccomp cannot express: two conditions on one argument, 64-bit values
/// on 32-bit arches, multiplexed calls. `call` must be of a listed arch.
Action decide_by_definition(const Profile& profile, const seccomp_data& call);

}  // namespace shardrun::seccomp::test
