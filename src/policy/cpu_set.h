#pragma once

#include <bitset>
#include <cstddef>
#include <string_view>

#include "shardrun/error.h"

namespace shardrun::policy {

/// The most CPUs a Linux kernel can be built for (NR_CPUS on x86_64).
inline constexpr std::size_t kCpusMax = 8192;

/// A list of CPUs as in cpuset(7), "0-3,7".
class CpuSet {
 public:
    /// Errors: EINVAL with the part that is no CPU or range.
    static Result<CpuSet> parse(std::string_view text);

    bool is_within(const CpuSet& other) const { return (cpus_ & ~other.cpus_).none(); }
    bool has(std::size_t cpu) const { return cpu < kCpusMax && cpus_.test(cpu); }

 private:
    std::bitset<kCpusMax> cpus_;
};

/// False also when either does not parse.
bool is_cpu_subset(std::string_view part, std::string_view whole);

}  // namespace shardrun::policy
