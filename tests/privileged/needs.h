#pragma once

#include <string>
#include <vector>

namespace shardrun::test {

/// What a test program asks of the machine. Each privileged test defines `kNeeds`; when one is
/// missing its main() says which and ends with status 77.
struct Needs {
    std::vector<std::string> controllers;  ///< of cgroup v2, as in "memory"
    bool test_vm = false;                  ///< the scratch disk and the freedom of the test VM
};

extern const Needs kNeeds;

/// Where cgroup2 is mounted; empty if nowhere.
std::string cgroup_mount();

/// The first need that this machine does not meet, as a sentence; empty if it meets all.
std::string unmet(const Needs& needs);

}  // namespace shardrun::test
