#include "bench/oci_bundle.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/fail.h"
#include "seccomp/compile.h"
#include "seccomp/profile.h"

namespace shardrun::bench {
namespace {

using Json = nlohmann::json;
using seccomp::Action;

void put_action(Json& into, const char* action_key, const char* errno_key, Action action) {
    const std::uint32_t word = seccomp::to_word(action);
    if (action == Action::allow) {
        into[action_key] = "SCMP_ACT_ALLOW";
    } else if ((word & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO) {
        into[action_key] = "SCMP_ACT_ERRNO";
        into[errno_key] = word & SECCOMP_RET_DATA;
    } else {
        into[action_key] = "SCMP_ACT_KILL_PROCESS";
    }
}

const char* name_of(seccomp::CompareOp op) {
    switch (op) {
        case seccomp::CompareOp::ne:
            return "SCMP_CMP_NE";
        case seccomp::CompareOp::lt:
            return "SCMP_CMP_LT";
        case seccomp::CompareOp::le:
            return "SCMP_CMP_LE";
        case seccomp::CompareOp::eq:
            return "SCMP_CMP_EQ";
        case seccomp::CompareOp::ge:
            return "SCMP_CMP_GE";
        case seccomp::CompareOp::gt:
            return "SCMP_CMP_GT";
        case seccomp::CompareOp::masked_eq:
            return "SCMP_CMP_MASKED_EQ";
    }
    return "";
}

Json rule_as_oci(const seccomp::Rule& rule) {
    Json entry{{"names", rule.names}};
    put_action(entry, "action", "errnoRet", rule.action);
    for (const seccomp::ArgCheck& check : rule.args) {
        const bool is_masked = check.op == seccomp::CompareOp::masked_eq;
        Json arg{{"index", check.index},
                 {"op", name_of(check.op)},
                 {"value", is_masked ? check.mask : check.value}};
        if (is_masked) arg["valueTwo"] = check.value;
        entry["args"].push_back(arg);
    }
    return entry;
}

Json profile_as_oci(const seccomp::Profile& profile) {
    Json oci{{"architectures", {"SCMP_ARCH_X86_64"}}, {"syscalls", Json::array()}};
    put_action(oci, "defaultAction", "defaultErrnoRet", profile.default_action);
    // libseccomp refuses a rule that does what the default does, and one that forbids what another
    // allows; without those six rules the filter is a little smaller, in the peers' favour.
    for (const seccomp::Rule& rule : profile.rules) {
        const bool is_exception = rule.action != Action::allow && !rule.args.empty();
        if (rule.action != profile.default_action && !is_exception)
            oci["syscalls"].push_back(rule_as_oci(rule));
    }
    return oci;
}

Json mount(const char* target, const char* type, const char* source,
           const std::vector<std::string>& options) {
    return {{"destination", target}, {"type", type}, {"source", source}, {"options", options}};
}

Json bundle(const std::vector<std::string>& argv) {
    Json config{{"ociVersion", "1.0.2"}, {"hostname", "shard"}};
    config["root"] = {{"path", "rootfs"}, {"readonly", true}};
    config["process"] = {{"terminal", false}, {"user", {{"uid", 1900000000}, {"gid", 1900000000}}},
                         {"args", argv},      {"env", {"PATH=/usr/bin:/bin"}},
                         {"cwd", "/"},        {"noNewPrivileges", true}};
    config["mounts"] = {
        mount("/usr", "bind", "/usr", {"rbind", "ro", "nosuid", "nodev"}),
        mount("/proc", "proc", "proc", {"nosuid", "nodev", "noexec"}),
        mount("/dev", "tmpfs", "tmpfs", {"nosuid", "mode=755", "size=64k"}),
        mount("/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666"}),
        mount("/tmp", "tmpfs", "tmpfs", {"nosuid", "nodev", "size=64m"})};
    for (const char* kind : {"pid", "network", "ipc", "uts", "mount", "cgroup"})
        config["linux"]["namespaces"].push_back({{"type", kind}});
    config["linux"]["maskedPaths"] = {"/proc/kcore", "/proc/keys", "/proc/timer_list"};
    config["linux"]["readonlyPaths"] = {"/proc/sys", "/proc/bus", "/proc/irq"};
    return config;
}

}  // namespace

Result<std::string> builtin_profile_as_bpf() {
    SR_TRY(const seccomp::FilterProgram program, seccomp::compile(seccomp::builtin_profile({})));
    return std::string(reinterpret_cast<const char*>(program.instructions.data()),
                       program.instructions.size() * sizeof(sock_filter));
}

Result<void> write_bundle(const std::string& folder, const std::vector<std::string>& argv,
                          bool with_filter) {
    namespace fs = std::filesystem;
    for (const char* name : {"usr", "proc", "dev", "tmp", "sys"})
        fs::create_directories(fs::path(folder) / "rootfs" / name);
    for (const char* name : {"bin", "sbin", "lib", "lib64"})
        fs::create_symlink(std::string("usr/") + name, fs::path(folder) / "rootfs" / name);
    Json config = bundle(argv);
    if (with_filter) config["linux"]["seccomp"] = profile_as_oci(seccomp::builtin_profile({}));
    std::ofstream file(folder + "/config.json");
    file << config.dump(1);
    file.close();
    if (!file) return refuse(EIO, "write '{}/config.json'", folder);
    return {};
}

}  // namespace shardrun::bench
