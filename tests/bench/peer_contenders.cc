#include <atomic>
#include <fstream>
#include <memory>
#include <utility>

#include "base/fail.h"
#include "bench/contender.h"
#include "bench/oci_bundle.h"
#include "bench/process.h"

/// Debian's bubblewrap, crun and runc, isolating as much as they can of what shardrun isolates.
namespace shardrun::bench {
namespace {

/// Builds the command line of one launch; `id` is never used twice.
using CommandLine = std::function<std::vector<std::string>(const std::string& id)>;

Contender peer(const std::string& name, const std::string& what, const CommandLine& command_line,
               const std::string& opened_at_9 = "") {
    const Launch launch = [name, command_line, opened_at_9]() -> Result<void> {
        static std::atomic<unsigned> last{0};
        SR_TRY(const pid_t pid,
               spawn(command_line(fmt::format("bench-{}-{}", name, ++last)), opened_at_9));
        return await_success(pid, name);
    };
    return {name, what, [launch]() -> Result<Launch> { return launch; }};
}

Result<void> add_bubblewrap(Stage& stage, const std::string& program, const std::string& folder) {
    SR_TRY(const std::string filter, builtin_profile_as_bpf());
    const std::string path = folder + "/filter.bpf";
    std::ofstream(path, std::ios::binary) << filter;
    std::vector<std::string> argv{
        program,     "--unshare-all", "--ro-bind",  "/usr",    "/usr",  "--symlink",
        "usr/bin",   "/bin",          "--symlink",  "usr/lib", "/lib",  "--symlink",
        "usr/lib64", "/lib64",        "--proc",     "/proc",   "--dev", "/dev",
        "--tmpfs",   "/tmp",          "--cap-drop", "ALL",     "--uid", "1900000",
        "--gid",     "1900000",       "--seccomp",  "9",       "--",    kPayload};
    stage.contenders.push_back(peer(
        "bwrap", "bubblewrap, same filter, no cgroup",
        [argv = std::move(argv)](const std::string&) { return argv; }, path));
    return {};
}

/// A container that does nothing, until the last owner forgets it.
std::shared_ptr<void> keep_container(const std::vector<std::string>& tool, const std::string& id) {
    return {nullptr, [tool, id](void*) {
                std::vector<std::string> argv = tool;
                argv.insert(argv.end(), {"delete", "--force", id});
                const auto pid = spawn(argv);
                if (pid) (void)await_success(*pid, "delete");  // It ends with the test's cgroup.
            }};
}

Result<void> add_exec(Stage& stage, const std::vector<std::string>& tool,
                      const std::string& folder) {
    const std::string id = "bench-sleeper";
    SR_DO(write_bundle(folder + "/sleeper", {"/usr/bin/sleep", "infinity"}, true));
    std::vector<std::string> argv = tool;
    argv.insert(argv.end(), {"run", "--detach", "--bundle", folder + "/sleeper", id});
    SR_TRY(const pid_t pid, spawn(argv));
    SR_DO(await_success(pid, "crun run"));
    stage.others.push_back(keep_container(tool, id));
    stage.contenders.push_back(
        peer("crun-exec", "crun exec, same filter", [tool, id](const std::string&) {
            std::vector<std::string> words = tool;
            words.insert(words.end(), {"exec", id, kPayload});
            return words;
        }));
    return {};
}

void add_oci_run(Stage& stage, const std::string& name, const std::string& what,
                 const std::vector<std::string>& tool, const std::string& bundle) {
    stage.contenders.push_back(peer(name, what, [tool, bundle](const std::string& id) {
        std::vector<std::string> words = tool;
        words.insert(words.end(), {"run", "--bundle", bundle, id});
        return words;
    }));
}

bool has(const std::string& program, const char* name) {
    if (program.empty()) fmt::print(stderr, "bench: '{}' is not installed, going on\n", name);
    return !program.empty();
}

}  // namespace

Result<void> add_peers(Stage& stage, const std::string& folder) {
    SR_DO(write_bundle(folder + "/filtered", {kPayload}, true));
    SR_DO(write_bundle(folder + "/unfiltered", {kPayload}, false));
    const std::string bwrap = find_program("bwrap");
    if (has(bwrap, "bwrap")) SR_DO(add_bubblewrap(stage, bwrap, folder));
    const std::string crun = find_program("crun");
    if (has(crun, "crun")) {
        const std::vector<std::string> tool{crun, "--root", folder + "/crun",
                                            "--cgroup-manager=cgroupfs"};
        add_oci_run(stage, "crun", "crun run, same filter", tool, folder + "/filtered");
        add_oci_run(stage, "crun-unfiltered", "crun run, no filter", tool, folder + "/unfiltered");
        SR_DO(add_exec(stage, tool, folder));
    }
    const std::string runc = find_program("runc");
    if (has(runc, "runc"))
        add_oci_run(stage, "runc", "runc run, same filter", {runc, "--root", folder + "/runc"},
                    folder + "/filtered");
    return {};
}

}  // namespace shardrun::bench
