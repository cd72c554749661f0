#include "cli/host_judgement.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>

using namespace shardrun;
using namespace shardrun::cli;

namespace {

/// A host that has everything.
sys::HostFacts good_host() {
    sys::HostFacts facts;
    facts.kernel_release = "6.1.0-18-amd64";
    facts.cgroup.mount = "/sys/fs/cgroup";
    facts.cgroup.controllers = {"cpuset", "cpu", "io", "memory", "hugetlb", "pids"};
    facts.landlock_abi = 2;
    facts.capabilities = ~std::uint64_t{0};
    facts.files_soft = 1024;
    facts.files_hard = 1048576;
    facts.swap_bytes = 1U << 30U;
    facts.core_pattern = "core";
    for (const char* name : {"fs.inotify.max_user_instances", "fs.file-max", "kernel.pid_max",
                             "user.max_mnt_namespaces", "user.max_net_namespaces",
                             "user.max_pid_namespaces", "net.core.somaxconn"})
        facts.sysctls[name] = 1000000;
    return facts;
}

Finding finding(const sys::HostFacts& facts, const std::string& feature) {
    const auto findings = judge_host(facts);
    const auto found = std::ranges::find(findings, feature, &Finding::feature);
    REQUIRE(found != findings.end());
    return *found;
}

}  // namespace

TEST_CASE("a host that has everything is fit and needs no remedy") {
    const auto findings = judge_host(good_host());
    CHECK(is_fit(findings));
    for (const Finding& f : findings) {
        CAPTURE(f.feature);
        CHECK(f.verdict == Verdict::ok);
        CHECK(f.remedy.empty());
    }
}

TEST_CASE("whatever is not ok comes with a remedy") {
    for (const Finding& f : judge_host(sys::HostFacts{})) {
        CAPTURE(f.feature);
        CHECK((f.verdict == Verdict::ok) == f.remedy.empty());
    }
}

TEST_CASE("a controller that cgroup v1 holds is missing, with the place and the command line") {
    sys::HostFacts facts = good_host();
    std::erase(facts.cgroup.controllers, "io");
    facts.cgroup.legacy_controllers["blkio"] = "/sys/fs/cgroup/blkio";
    const Finding f = finding(facts, "controller io");
    CHECK(f.verdict == Verdict::missing);
    CHECK(f.status == "held by cgroup v1 at /sys/fs/cgroup/blkio");
    CHECK(f.remedy.find("cgroup_no_v1=all") != std::string::npos);
    CHECK_FALSE(is_fit(judge_host(facts)));
}

TEST_CASE("cpuset does not pass for cpu") {
    sys::HostFacts facts = good_host();
    std::erase(facts.cgroup.controllers, "cpu");
    CHECK(finding(facts, "controller cpu").verdict == Verdict::missing);
    CHECK(finding(facts, "controller cpuset").verdict == Verdict::ok);
}

TEST_CASE("Linux 6.1 is the oldest kernel that will do") {
    sys::HostFacts facts = good_host();
    for (const char* release : {"6.1.0", "6.12.3+deb12", "7.0"}) {
        facts.kernel_release = release;
        CHECK(finding(facts, "kernel").verdict == Verdict::ok);
    }
    for (const char* release : {"6.0.19", "5.10.0-28-amd64", "", "x"}) {
        facts.kernel_release = release;
        CHECK(finding(facts, "kernel").verdict == Verdict::missing);
    }
}

TEST_CASE("what only newer kernels have is a note, not a fault") {
    sys::HostFacts facts = good_host();
    facts.peer_pidfd = ENOPROTOOPT;
    facts.memfd_seal_exec = EINVAL;
    facts.landlock_abi = 0;
    facts.core_pattern = "|/usr/lib/systemd/systemd-coredump %P";
    CHECK(is_fit(judge_host(facts)));
    CHECK(finding(facts, "SO_PEERPIDFD").verdict == Verdict::note);
    CHECK(finding(facts, "core_pattern").status.starts_with("pipe: |/usr"));
}

TEST_CASE("without root the remedy is to be root") {
    sys::HostFacts facts = good_host();
    facts.capabilities = 0;
    facts.mount_api = EPERM;
    CHECK(finding(facts, "mount API").remedy == "run as root: 'sudo shardrun doctor'");
    CHECK(finding(facts, "capabilities").status.find("CAP_SYS_ADMIN") != std::string::npos);
    CHECK_FALSE(is_fit(judge_host(facts)));
}

TEST_CASE("cgroup mounts are read from mountinfo, v1 beside v2") {
    const auto facts = sys::parse_cgroup_mounts(
        "30 25 0:26 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
        "31 25 0:27 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
        "32 25 0:28 / /tmp rw - tmpfs cgroup2 rw\n"
        "broken line\n33 - cgroup2\n");
    CHECK(facts.mount == "/sys/fs/cgroup/unified");
    CHECK(facts.legacy_controllers.at("cpu") == "/sys/fs/cgroup/cpu");
    CHECK(facts.legacy_controllers.at("cpuacct") == "/sys/fs/cgroup/cpu");
    CHECK_FALSE(facts.legacy_controllers.contains("memory"));
}

TEST_CASE("probing this host gives a finding for every feature and leaves no cgroup") {
    const auto findings = judge_host(sys::probe_host());
    CHECK(findings.size() == judge_host(good_host()).size());
    CHECK(judge_host(sys::probe_host()) == findings);
}
