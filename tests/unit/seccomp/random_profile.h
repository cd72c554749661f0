#pragma once

#include <random>

#include "seccomp/profile.h"

namespace shardrun::seccomp::test {

/// What a random profile may contain.
struct RandomProfileShape {
    std::vector<Arch> arches{Arch::x86_64};
    bool one_action_for_a_call = false;  ///< as libseccomp needs it in one filter
    bool compares_32_bits_only = false;  ///< for arches on which libseccomp looks at no more
};

/// Rules with every operator, on one to three arguments, over calls old and new, overlapping and
/// not.
Profile random_profile(const RandomProfileShape& shape, std::mt19937_64& random);

}  // namespace shardrun::seccomp::test
