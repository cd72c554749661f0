#include <doctest/doctest.h>
#include <fmt/format.h>
#include <linux/capability.h>

#include <cerrno>
#include <string>

#include "seccomp/profile.h"

using namespace shardrun;
using namespace shardrun::seccomp;

namespace {

constexpr std::uint64_t bit(int capability) {
    return std::uint64_t{1} << capability;
}

const ProfileContext kContext{0, {6, 1}, Arch::x86_64};

Profile parsed(const std::string& text, const ProfileContext& context = kContext) {
    auto profile = parse_profile_json(text, context);
    REQUIRE_MESSAGE(profile, (profile ? "" : profile.error().message));
    return *std::move(profile);
}

// A profile with one rule, made of `fields` besides its name.
std::string with_rule(const std::string& fields, const std::string& name = "read") {
    return fmt::format(R"({{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{{"names":["{}"],{}}}]}})",
                       name, fields);
}

std::string with_arg(const std::string& arg) {
    return with_rule(R"("action":"SCMP_ACT_ALLOW","args":[)" + arg + "]");
}

bool applies(const std::string& fields, const ProfileContext& context = kContext) {
    return !parsed(with_rule(R"("action":"SCMP_ACT_ALLOW",)" + fields), context).rules.empty();
}

// The sentence that refuses `text`.
std::string refusal(const std::string& text) {
    const auto profile = parse_profile_json(text, kContext);
    REQUIRE_MESSAGE(!profile, text);
    CHECK((profile.error().code == EINVAL || profile.error().code == E2BIG));
    CHECK(profile.error().message.find('\n') == std::string::npos);
    return profile.error().message;
}

bool contains(const std::string& text, const std::string& part) {
    const bool found = text.find(part) != std::string::npos;
    if (!found) MESSAGE("'", text, "' lacks '", part, "'");
    return found;
}

}  // namespace

TEST_CASE("every OCI action is understood") {
    const auto action = [](const std::string& fields) {
        return parsed(with_rule(fields)).rules.at(0).action;
    };
    CHECK(action(R"("action":"SCMP_ACT_ALLOW")") == Action::allow);
    CHECK(action(R"("action":"SCMP_ACT_KILL")") == Action::kill_thread);
    CHECK(action(R"("action":"SCMP_ACT_KILL_THREAD")") == Action::kill_thread);
    CHECK(action(R"("action":"SCMP_ACT_KILL_PROCESS")") == Action::kill_process);
    CHECK(action(R"("action":"SCMP_ACT_TRAP")") == Action::trap);
    CHECK(action(R"("action":"SCMP_ACT_LOG")") == Action::log);
    CHECK(action(R"("action":"SCMP_ACT_ERRNO")") == errno_action(1));
    CHECK(action(R"("action":"SCMP_ACT_ERRNO","errnoRet":38)") == errno_action(38));
    CHECK(action(R"("action":"SCMP_ACT_ERRNO","errno":"ENOSYS")") == errno_action(38));
    CHECK(action(R"("action":"SCMP_ACT_TRACE","errnoRet":7)") == trace_action(7));
    CHECK(action(R"("action":"SCMP_ACT_ALLOW","errnoRet":7)") == Action::allow);
}

TEST_CASE("every OCI operator is understood, and MASKED_EQ takes its mask first") {
    const auto check = [](const std::string& arg) {
        return parsed(with_arg(arg)).rules[0].args[0];
    };
    const std::pair<const char*, CompareOp> operators[] = {
        {"NE", CompareOp::ne}, {"LT", CompareOp::lt}, {"LE", CompareOp::le},
        {"EQ", CompareOp::eq}, {"GE", CompareOp::ge}, {"GT", CompareOp::gt}};
    for (const auto& [name, op] : operators)
        CHECK(check(fmt::format(R"({{"index":5,"value":18446744073709551615,"op":"SCMP_CMP_{}"}})",
                                name)) == ArgCheck{5, op, ~std::uint64_t{0}});
    CHECK(check(R"({"index":1,"value":255,"valueTwo":3,"op":"SCMP_CMP_MASKED_EQ"})") ==
          ArgCheck{1, CompareOp::masked_eq, 3, 255});
    CHECK(check(R"({"index":1,"value":255,"op":"SCMP_CMP_MASKED_EQ"})") ==
          ArgCheck{1, CompareOp::masked_eq, 0, 255});
    CHECK(check(R"({"index":0,"value":4,"valueTwo":9,"op":"SCMP_CMP_EQ"})") ==
          ArgCheck{0, CompareOp::eq, 4});
}

TEST_CASE("the default action carries its errno, and a refusing one gives newer calls ENOSYS") {
    const Profile plain = parsed(R"({"defaultAction":"SCMP_ACT_ERRNO"})");
    CHECK(plain.default_action == errno_action(1));
    CHECK(plain.newer_call_action == errno_action(38));
    CHECK(parsed(R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":13})").default_action ==
          errno_action(13));
    CHECK(parsed(R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrno":"EACCES"})").default_action ==
          errno_action(13));
    CHECK(parsed(R"({"defaultAction":"SCMP_ACT_KILL"})").newer_call_action == errno_action(38));
    for (const char* lenient : {"ALLOW", "LOG", "TRACE"})
        CHECK(!parsed(fmt::format(R"({{"defaultAction":"SCMP_ACT_{}"}})", lenient))
                   .newer_call_action);
}

TEST_CASE("includes need every capability, excludes need only one") {
    const ProfileContext admin{bit(CAP_SYS_ADMIN), {6, 1}, Arch::x86_64};
    const std::string one = R"({"caps":["CAP_SYS_ADMIN"]})";
    const std::string two = R"({"caps":["CAP_SYS_ADMIN","CAP_BPF"]})";
    CHECK(!applies("\"includes\":" + one));
    CHECK(applies("\"includes\":" + one, admin));
    CHECK(!applies("\"includes\":" + two, admin));
    CHECK(applies("\"excludes\":" + two));
    CHECK(!applies("\"excludes\":" + two, admin));
    CHECK(!applies("\"includes\":" + one + ",\"excludes\":" + one, admin));
}

TEST_CASE("includes and excludes go by arch and kernel as well") {
    CHECK(applies(R"("includes":{"arches":["amd64"]})"));
    CHECK(!applies(R"("includes":{"arches":["arm64","s390x"]})"));
    CHECK(applies(R"("excludes":{"arches":["s390","s390x"]})"));
    CHECK(!applies(R"("excludes":{"arches":["x86_64"]})"));
    CHECK(applies(R"("includes":{"minKernel":"4.8"})"));
    CHECK(applies(R"("includes":{"minKernel":"6.1"})"));
    CHECK(!applies(R"("includes":{"minKernel":"6.2"})"));
    CHECK(!applies(R"("includes":{"minKernel":"10.0"})"));
    CHECK(!applies(R"("excludes":{"minKernel":"6.1"})"));
    CHECK(applies(R"("excludes":{"minKernel":"6.2"})"));
    CHECK(applies(R"("includes":{},"excludes":null)"));
    CHECK(applies(R"("includes":{"caps":null,"arches":[]})"));
}

TEST_CASE("a rule that does not apply here still makes its calls known") {
    const Profile profile =
        parsed(with_rule(R"("action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_BPF"]})", "bpf"));
    CHECK(profile.rules.empty());
    CHECK(profile.other_known_names == std::vector<std::string>{"bpf"});
}

TEST_CASE("the native arch is always filtered, listed others are, foreign ones cannot occur") {
    const auto arches = [](const std::string& field) {
        return parsed(R"({"defaultAction":"SCMP_ACT_ERRNO",)" + field + "}").arches;
    };
    using List = std::vector<Arch>;
    CHECK(arches(R"("architectures":[])") == List{Arch::x86_64});
    CHECK(arches(R"("architectures":["SCMP_ARCH_X86"])") == List{Arch::x86_64, Arch::x86});
    CHECK(arches(R"("architectures":["SCMP_ARCH_X32","SCMP_ARCH_X86_64","SCMP_ARCH_ARM"])") ==
          List{Arch::x86_64, Arch::x32});
    CHECK(arches(R"("archMap":[
        {"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]},
        {"architecture":"SCMP_ARCH_AARCH64","subArchitectures":["SCMP_ARCH_ARM"]}])") ==
          List{Arch::x86_64, Arch::x86});
    CHECK(contains(refusal(R"({"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86"],
                       "archMap":[{"architecture":"SCMP_ARCH_X86"}]})"),
                   "remove one of them"));
}

TEST_CASE("harmless flags are taken, others refused by name") {
    const auto flags = [](const std::string& list) {
        return R"({"defaultAction":"SCMP_ACT_ERRNO","flags":)" + list + "}";
    };
    CHECK(parsed(flags(R"(["SECCOMP_FILTER_FLAG_LOG","SECCOMP_FILTER_FLAG_SPEC_ALLOW"])"))
              .load_flags == (SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW));
    CHECK(parsed(flags(R"(["SECCOMP_FILTER_FLAG_TSYNC"])")).load_flags == 0);
    CHECK(contains(refusal(flags(R"(["SECCOMP_FILTER_FLAG_NEW_LISTENER"])")),
                   "flags[0] is \"SECCOMP_FILTER_FLAG_NEW_LISTENER\"; known flags: "));
}

TEST_CASE("an unknown call is skipped with a warning that guesses what was meant") {
    const Profile profile = parsed(
        R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["opennat","read","zzzzzzzzzz",
            "opennat"],"action":"SCMP_ACT_ALLOW"}]})");
    CHECK(profile.rules.at(0).names == std::vector<std::string>{"read"});
    REQUIRE(profile.warnings.size() == 2);
    CHECK(profile.warnings[0] ==
          "syscalls[0]: no system call is called 'opennat', skipped; did you mean 'openat'?");
    CHECK(profile.warnings[1] == "syscalls[0]: no system call is called 'zzzzzzzzzz', skipped");
}

TEST_CASE("calls of other arches, and calls newer than libseccomp, are no unknown calls") {
    const Profile profile = parsed(
        R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["s390_pci_mmio_read","mseal",
            "arm_fadvise64_64","setxattrat","uretprobe"],"action":"SCMP_ACT_ALLOW"}]})");
    CHECK(profile.warnings.empty());
    CHECK(profile.rules.at(0).names.size() == 5);
}

TEST_CASE("two conditions on one argument in one rule are warned of, as runtimes differ") {
    const std::string arg = R"({"index":0,"value":1,"op":"SCMP_CMP_GE"})";
    CHECK(parsed(with_arg(arg)).warnings.empty());
    const Profile profile = parsed(with_arg(arg + "," + arg));
    REQUIRE(profile.warnings.size() == 1);
    CHECK(contains(profile.warnings[0], "syscalls[0].args[1]: two conditions on argument 0"));
}

TEST_CASE("the old form with a single name is read") {
    const Profile profile = parsed(
        R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"mount","action":"SCMP_ACT_ERRNO",
            "args":null,"comment":"no mounts"}]})");
    CHECK(profile.rules.at(0) == Rule{{"mount"}, errno_action(1), {}});
}

TEST_CASE("each mistake is refused in one sentence that names its place and the remedy") {
    const std::pair<std::string, const char*> mistakes[] = {
        {"", "line 1, column 1: not JSON"},
        {"{\n  \"defaultAction\": \"SCMP_ACT_ALLOW\",\n  oops\n}", "line 3, column 3: not JSON"},
        {"[]", "the profile is array; it must be an object"},
        {"{}", "no \"defaultAction\"; write \"SCMP_ACT_ERRNO\""},
        {R"({"defaultAction":"SCMP_ACT_ALOW"})",
         "defaultAction is \"SCMP_ACT_ALOW\"; known actions"},
        {R"({"defaultAction":3})", "defaultAction is 3; it must be a string"},
        {R"({"defaultAction":"SCMP_ACT_NOTIFY"})", "use SCMP_ACT_ERRNO or SCMP_ACT_LOG"},
        {R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":4096})",
         "defaultErrnoRet is 4096; it must be an integer from 0 to 4095"},
        {R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrno":"EPREM"})",
         "defaultErrno is \"EPREM\""},
        {R"({"defaultAction":"SCMP_ACT_ERRNO","sycalls":[]})", "\"sycalls\" is an unknown key"},
        {R"({"defaultAction":"SCMP_ACT_ALLOW","defaultAction":"SCMP_ACT_ERRNO"})",
         "the key \"defaultAction\" stands twice"},
        {R"({"defaultAction":"SCMP_ACT_ERRNO","listenerPath":"/run/x"})", "remove it"},
        {R"({"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_VAX"]})",
         "architectures[0] is \"SCMP_ARCH_VAX\"; known architectures"},
        {R"({"defaultAction":"SCMP_ACT_ERRNO","architectures":"SCMP_ARCH_X86"})",
         "architectures is string; it must be a list"},
        {R"({"defaultAction":"SCMP_ACT_ERRNO","archMap":[{"subArchitectures":[]}]})",
         "archMap[0] has no \"architecture\""},
        {R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":{"names":["read"]}})",
         "syscalls is object; it must be a list"},
        {R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[7]})",
         "syscalls[0] is number; it must be"},
        {R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"action":"SCMP_ACT_ALLOW"}]})",
         "syscalls[0] needs either \"names\" (a list) or \"name\""},
        {R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"]}]})",
         "syscalls[0] has no \"action\""},
        {with_rule(R"("action":"SCMP_ACT_ALLOW","arg":[])"),
         "syscalls[0].\"arg\" is an unknown key"},
        {with_rule(R"("action":"SCMP_ACT_ALLOW")", "re ad"), "syscalls[0].names[0] is \"re ad\""},
        {with_rule(R"("action":"SCMP_ACT_ALLOW")", "read\\u0000"), "letters, digits and '_' only"},
        {with_rule(R"("action":"SCMP_ACT_ALLOW","includes":{"caps":["SYS_ADMIN"]})"),
         "syscalls[0].includes.caps[0] is \"SYS_ADMIN\", which is no capability"},
        {with_rule(R"("action":"SCMP_ACT_ALLOW","includes":{"minKernel":"4"})"),
         "syscalls[0].includes.minKernel is \"4\"; write a kernel version such as \"4.8\""},
        {with_rule(R"("action":"SCMP_ACT_ALLOW","includes":{"cap":[]})"), "includes.\"cap\" is an"},
        {with_arg(R"({"index":6,"value":0,"op":"SCMP_CMP_EQ"})"),
         "syscalls[0].args[0].index is 6; it must be an integer from 0 to 5"},
        {with_arg(R"({"index":0,"value":-1,"op":"SCMP_CMP_EQ"})"),
         "args[0].value is -1; it must be"},
        {with_arg(R"({"index":0,"value":1.5,"op":"SCMP_CMP_EQ"})"),
         "args[0].value is 1.5; it must"},
        {with_arg(R"({"index":0,"value":18446744073709551616,"op":"SCMP_CMP_EQ"})"), "it must be"},
        {with_arg(R"({"index":0,"value":"1","op":"SCMP_CMP_EQ"})"),
         "args[0].value is \"1\"; it must"},
        {with_arg(R"({"index":0,"value":0,"op":"EQ"})"), "args[0].op is \"EQ\"; known operators"},
        {with_arg(R"({"index":0,"value":0})"), "syscalls[0].args[0] has no \"op\""},
        {with_arg(R"({"index":0,"value":0,"op":"SCMP_CMP_EQ","mask":1})"),
         "args[0].\"mask\" is an"},
    };
    for (const auto& [text, sentence] : mistakes) CHECK(contains(refusal(text), sentence));
}

TEST_CASE("what is shown of a mistake is short and has no control characters") {
    const std::string shown =
        refusal(R"({"defaultAction":"\u001b[31m)" + std::string(5000, 'x') + "\"}");
    CHECK(shown.size() < 400);
    CHECK(shown.find('\x1b') == std::string::npos);
}

TEST_CASE("size, depth and number of rules, names and conditions are bounded") {
    const std::string head = R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[)";
    const auto repeat = [](const std::string& one, std::size_t count) {
        std::string all;
        for (std::size_t i = 0; i < count; ++i) all += (i == 0 ? "" : ",") + one;
        return all;
    };
    const std::string rule = R"({"names":["read"],"action":"SCMP_ACT_ALLOW"})";
    CHECK(parsed(head + repeat(rule, kProfileRulesMax) + "]}").rules.size() == kProfileRulesMax);
    CHECK(contains(refusal(head + repeat(rule, kProfileRulesMax + 1) + "]}"), "at most 4096"));
    CHECK(contains(refusal(std::string(kProfileTextMax + 1, ' ')), "at most 1048576 are read"));
    CHECK(contains(refusal(std::string(1000000, '[')), "line 1, column 17: more than 16 levels"));
    const std::string deep = R"({"defaultAction":"SCMP_ACT_ERRNO","flags":)";
    CHECK(
        contains(refusal(deep + std::string(15, '[') + std::string(15, ']') + "}"), "flags[0] is"));
    CHECK(contains(refusal(deep + std::string(16, '[') + std::string(16, ']') + "}"), "16 levels"));
    CHECK(contains(refusal(deep + "[\"" + std::string(99, '[') + "\"]}"), "flags[0] is"));
    const std::string names = R"({"action":"SCMP_ACT_ALLOW","names":[)";
    CHECK(contains(refusal(head + names + repeat("\"read\"", kProfileNamesMax + 1) + "]}]}"),
                   "more than 16384 calls"));
    const std::string arg = R"({"index":0,"value":0,"op":"SCMP_CMP_EQ"})";
    CHECK(contains(refusal(with_arg(repeat(arg, 33))), "at most 32"));
}

TEST_CASE("warnings do not bury the log") {
    std::string names;
    for (int i = 0; i < 1000; ++i) names += fmt::format("{}\"nothing_{}\"", i == 0 ? "" : ",", i);
    const Profile profile = parsed(
        R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"action":"SCMP_ACT_ALLOW","names":[)" +
        names + "]}]}");
    CHECK(profile.warnings.size() == 20);
}
