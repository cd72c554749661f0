// The probe of all refused and all unknown calls, from inside a shard: what the kernel says there
// is what the built-in filter says.
#include <linux/audit.h>
#include <signal.h>
#include <sys/utsname.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "privileged/inside.h"
#include "privileged/needs.h"
#include "seccomp/compile.h"
#include "seccomp/evaluate.h"

namespace shardrun::test {

const Needs kNeeds{};

namespace {

using Json = nlohmann::json;

// A probe that stopped early would prove little: the calls by name, and the numbers up to 700.
constexpr std::size_t kProbesMin = 280;

seccomp::FilterProgram builtin_filter() {
    utsname names{};
    seccomp::ProfileContext context;
    REQUIRE(::uname(&names) == 0);
    const char* release = static_cast<const char*>(names.release);
    REQUIRE(std::sscanf(release, "%u.%u", &context.kernel.release, &context.kernel.patchlevel) ==
            2);
    return must(seccomp::load_profile("", context));
}

seccomp::Action decided(const seccomp::FilterProgram& filter, const Json& probe) {
    seccomp_data call{};
    call.nr = probe["number"].get<int>();
    call.arch = AUDIT_ARCH_X86_64;
    for (std::size_t i = 0; i < 6; ++i) call.args[i] = probe["args"][i].get<std::uint64_t>();
    return seccomp::evaluate(filter.instructions, call);
}

bool is_errno(seccomp::Action action) {
    return (seccomp::to_word(action) & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
}

void check_probe(const seccomp::FilterProgram& filter, const Json& probe) {
    INFO(probe.dump());
    if (probe["call"] == "x86" || probe["call"] == "x32") {
        CHECK(probe["signal"] == SIGSYS);
        return;
    }
    CHECK(probe["signal"] == 0);
    const seccomp::Action action = decided(filter, probe);
    if (is_errno(action))
        CHECK(probe["errno"] == (seccomp::to_word(action) & SECCOMP_RET_DATA));
    else
        CHECK(seccomp::performs_call(action));
}

void check_all(const std::string& settings) {
    const Testbed bed(Controllers::best_effort, settings);
    Client client = bed.connect();
    const seccomp::FilterProgram filter = builtin_filter();
    std::size_t refused = 0;
    std::vector<std::string> lines =
        lines_of(output_of(client, in_new_shard({bed.program("syscall_probe")})));
    REQUIRE(!lines.empty());
    REQUIRE(Json::parse(lines.back()) == Json{{"call", "end"}});
    lines.pop_back();
    for (const std::string& line : lines) {
        const Json probe = Json::parse(line);
        check_probe(filter, probe);
        if (probe["errno"] != 0 || probe["signal"] != 0) ++refused;
    }
    CHECK(refused >= kProbesMin);
}

}  // namespace

TEST_CASE("surface: every probed call meets in a shard what the built-in filter says") {
    check_all("");
}

TEST_CASE("surface: as root of a user namespace it is the same") {
    check_all("user_namespace = true\n");
}

}  // namespace shardrun::test
