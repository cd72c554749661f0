#define DOCTEST_CONFIG_IMPLEMENT
#include "privileged/needs.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

namespace shardrun::test {

std::string cgroup_mount() {
    std::ifstream table("/proc/self/mounts");
    std::string source, target, kind, rest;
    while (table >> source >> target >> kind && std::getline(table, rest)) {
        if (kind == "cgroup2") return target;
    }
    return "";
}

std::string unmet(const Needs& needs) {
    if (::geteuid() != 0) return "needs root";
    const std::string mount = cgroup_mount();
    if (mount.empty()) return "needs a cgroup2 mount";
    std::ifstream file(mount + "/cgroup.controllers");
    const std::vector<std::string> there{std::istream_iterator<std::string>(file), {}};
    for (const std::string& name : needs.controllers) {
        if (std::ranges::find(there, name) == there.end())
            return fmt::format("needs the cgroup v2 controller '{}'", name);
    }
    if (needs.test_vm && std::getenv("SHARDRUN_IN_VM") == nullptr)
        return "needs the test VM: run it with tests/vm/run";
    return "";
}

}  // namespace shardrun::test

int main(int argc, char** argv) {
    const std::string reason = shardrun::test::unmet(shardrun::test::kNeeds);
    if (!reason.empty()) {
        fmt::print("skipped: {}\n", reason);
        return 77;
    }
    return doctest::Context(argc, argv).run();
}
