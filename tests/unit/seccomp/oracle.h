#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <vector>

#include "seccomp/profile.h"

namespace shardrun::seccomp::test {

/// What a profile means, worked out by libseccomp. Every rule becomes a libseccomp filter of its
/// own for each arch, which only says whether the rule matches; among the rules that match the
/// strictest wins, as among filters in the kernel. So libseccomp does what it is trusted with:
/// names, numbers and comparisons. Its order among overlapping rules (an unconditional one hides
/// all others) plays no part, nor does its filter for several arches, which loses x86_64 rules with
/// conditions when x32 lacks the call (2.5.4: epoll_wait_old, for one).
class Oracle {
 public:
    explicit Oracle(const Profile& profile);

    Action decide(const seccomp_data& call) const;

 private:
    struct Layer {
        Action action;
        std::vector<sock_filter> filter;
    };

    /// One arch of the profile.
    struct Part {
        Arch arch;
        std::vector<Layer> layers;
        std::vector<sock_filter> named;  ///< what remains when no rule matches
        std::uint32_t newest = 0;        ///< the highest number of any name; 0: none
    };

    Part make_part(Arch arch) const;
    const Part& part_for(const seccomp_data& call) const;

    const Profile& profile_;
    std::vector<Part> parts_;
};

/// The whole profile as one libseccomp filter, the way other runtimes use it. Only for profiles
/// whose rules for one call all have the same action, other than the default.
std::vector<sock_filter> compile_with_libseccomp(const Profile& profile);

}  // namespace shardrun::seccomp::test
