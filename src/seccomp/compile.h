#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "seccomp/profile.h"
#include "shardrun/error.h"

namespace shardrun::seccomp {

inline constexpr std::size_t kFilterInstructionsMax = 4096;  ///< BPF_MAXINSNS of the kernel

/// A filter ready for seccomp(2): {instructions.size(), instructions.data()} is its sock_fprog.
struct FilterProgram {
    std::vector<sock_filter> instructions;
    std::uint32_t load_flags = 0;  ///< SECCOMP_FILTER_FLAG_*, to be given to seccomp(2)
    /// Every call that a parked runner makes between loading the filter and its execve is performed
    /// whatever its arguments; when false, load the filter after all else is done. The calls:
    /// launch_calls.h.
    bool filter_allows_launch = false;
    std::vector<std::string> warnings;  ///< the profile's, to be told once
};

/// Same instructions and flags; warnings are for people.
bool operator==(const FilterProgram& a, const FilterProgram& b);

/// Translates a profile: a balanced tree over ranges of call numbers for each of its arches. Calls
/// of any other arch, and x32's unless listed, end the process. Same profile, same instructions.
/// Errors: E2BIG when it needs more than kFilterInstructionsMax instructions; EINVAL without arch.
Result<FilterProgram> compile(const Profile& profile);

/// From profile to program in one step. `text` empty: the built-in profile "default"; otherwise
/// JSON, see parse_profile_json.
Result<FilterProgram> load_profile(std::string_view text, const ProfileContext& context);

}  // namespace shardrun::seccomp
