#pragma once

#include <linux/seccomp.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "seccomp/profile.h"

namespace shardrun::seccomp::test {

/// Which arguments a test tries.
enum class Width { all_64_bits, low_32_bits };

/// Calls that tell filters apart: each number from 0 to 600 and odd ones, of every arch, listed or
/// not, and for each call with conditions the values they compare with, one less and one more, with
/// high halves set, all ones, and random ones.
std::vector<seccomp_data> sample_calls(const Profile& profile, Width width,
                                       std::mt19937_64& random);

/// "arch c000003e call 16 (ioctl) args 0 5412 0 0 0 0", for failures.
std::string describe(const seccomp_data& call);

}  // namespace shardrun::seccomp::test
