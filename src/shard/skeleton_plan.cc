#include "shard/skeleton_plan.h"

#include <cstdint>
#include <cstring>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "base/fail.h"
#include "shard/zygote/protocol.h"

namespace shardrun::shard {
namespace {

using zygote::PlanEntry;
using zygote::PlanKind;

/// Writes entries; parents of a path come before it, each once.
class PlanWriter {
 public:
    void directory(const std::string& path, std::uint16_t mode = 0755) {
        if (!made_.insert(path).second) return;
        make_parents(path);
        add(PlanKind::directory, path, "", mode);
    }
    void symlink(const std::string& path, const std::string& target) {
        if (!made_.insert(path).second) return;
        make_parents(path);
        add(PlanKind::symlink, path, target, 0);
    }
    void file(const std::string& path, const std::string& content) {
        if (!made_.insert(path).second) return;
        make_parents(path);
        add(PlanKind::file, path, content, 0644);
    }
    void node(const std::string& path, std::uint32_t major, std::uint32_t minor) {
        make_parents(path);
        add(PlanKind::node, path, "", 0666, major, minor);
    }
    void bind_directory(const std::string& path) {
        directory(path);
        add(PlanKind::bind, path, "/" + path, 0);
    }
    /// Once, at the start: each mount would cost every shard its share.
    void copy_file(const std::string& path) {
        if (!made_.insert(path).second) return;
        make_parents(path);
        add(PlanKind::copy, path, "/" + path, 0644);
    }
    void bind_file(const std::string& path) {
        file(path, "");
        add(PlanKind::bind, path, "/" + path, 0);
    }
    void cover(PlanKind kind, const std::string& path, zygote::CoverWhen when) {
        add(kind, path, "", std::to_underlying(when));
    }

    Result<std::vector<std::byte>> finish() && {
        if (bytes_.size() > zygote::kPlanSizeMax)
            return refuse(E2BIG,
                          "plan the shards' root: {} bytes are more than {}; name fewer paths in "
                          "shard.read_only_paths",
                          bytes_.size(), zygote::kPlanSizeMax);
        return std::move(bytes_);
    }

 private:
    void make_parents(const std::string& path) {
        const std::size_t slash = path.rfind('/');
        if (slash != std::string::npos) directory(path.substr(0, slash));
    }

    void add(PlanKind kind, const std::string& path, const std::string& argument,
             std::uint16_t mode, std::uint32_t major = 0, std::uint32_t minor = 0) {
        const bool has_argument = kind == PlanKind::symlink || kind == PlanKind::file ||
                                  kind == PlanKind::copy || kind == PlanKind::bind;
        PlanEntry entry{kind,
                        mode,
                        major,
                        minor,
                        static_cast<std::uint32_t>(path.size() + 1),
                        has_argument ? static_cast<std::uint32_t>(argument.size() + 1) : 0,
                        0};
        append(std::as_bytes(std::span(&entry, 1)));
        append(std::as_bytes(std::span(path.c_str(), path.size() + 1)));
        if (has_argument) append(std::as_bytes(std::span(argument.c_str(), argument.size() + 1)));
        bytes_.resize((bytes_.size() + 7U) & ~std::size_t{7});
    }

    void append(std::span<const std::byte> more) {
        bytes_.insert(bytes_.end(), more.begin(), more.end());
    }

    std::vector<std::byte> bytes_;
    std::set<std::string> made_;
};

void plan_devices(PlanWriter& plan) {
    plan.node("dev/null", 1, 3);
    plan.node("dev/zero", 1, 5);
    plan.node("dev/full", 1, 7);
    plan.node("dev/random", 1, 8);
    plan.node("dev/urandom", 1, 9);
    plan.node("dev/tty", 5, 0);
    plan.symlink("dev/ptmx", "pts/ptmx");
    plan.symlink("dev/fd", "/proc/self/fd");
    plan.symlink("dev/stdin", "/proc/self/fd/0");
    plan.symlink("dev/stdout", "/proc/self/fd/1");
    plan.symlink("dev/stderr", "/proc/self/fd/2");
    plan.directory("dev/pts");
    plan.directory("dev/shm");
}

void plan_mount_points(PlanWriter& plan) {
    plan.directory("proc", 0555);
    plan.directory("tmp");
    plan.directory("run");
    plan.directory("blobs");
    plan.directory("root", 0700);
    plan.directory("var");
    plan.symlink("var/tmp", "../tmp");
    plan.symlink("var/run", "../run");
    plan.symlink("var/lock", "../run");
}

/// /sys shows how many processors there are and nothing else.
void plan_sys(PlanWriter& plan, const HostLookup& host) {
    plan.directory("sys/empty", 0555);
    for (const char* name : {"online", "possible", "present"}) {
        const std::string path = std::string("sys/devices/system/cpu/") + name;
        const HostEntry entry = host("/" + path, WantContent::yes);
        if (entry.kind == HostEntry::Kind::file) plan.file(path, entry.content);
    }
}

/// What resolvers, locales, TLS and the dynamic loader look for; nothing that names the host's
/// people or secrets.
void plan_etc(PlanWriter& plan, const HostLookup& host) {
    plan.symlink("etc/passwd", "../run/passwd");
    plan.symlink("etc/group", "../run/group");
    plan.symlink("etc/mtab", "../proc/self/mounts");
    plan.file("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n");
    plan.file("etc/nsswitch.conf",
              "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n");
    plan.file("etc/resolv.conf", "");
    for (const char* path : {"etc/ld.so.cache", "etc/protocols", "etc/services", "etc/mime.types",
                             "etc/os-release", "etc/localtime", "etc/timezone"}) {
        const HostEntry entry = host(std::string("/") + path, WantContent::no);
        if (entry.kind == HostEntry::Kind::symlink) plan.symlink(path, entry.target);
        if (entry.kind == HostEntry::Kind::file) plan.copy_file(path);
    }
    for (const char* path : {"etc/alternatives", "etc/ssl/certs"})
        if (host(std::string("/") + path, WantContent::no).kind == HostEntry::Kind::directory)
            plan.bind_directory(path);
}

/// /bin, /lib and the like are links into /usr on today's hosts; where they are directories they
/// are shown as such.
void plan_top_level(PlanWriter& plan, const HostLookup& host) {
    for (const char* path : {"bin", "sbin", "lib", "lib32", "lib64", "libx32"}) {
        const HostEntry entry = host(std::string("/") + path, WantContent::no);
        if (entry.kind == HostEntry::Kind::symlink) plan.symlink(path, entry.target);
        if (entry.kind == HostEntry::Kind::directory) plan.bind_directory(path);
    }
}

/// What tells of the host or reaches beyond the shard. The second list only root can open in any
/// case: it is covered where a capability was granted, and costs other shards nothing.
void plan_proc_covers(PlanWriter& plan, const HostLookup& host) {
    using zygote::CoverWhen;
    const auto cover = [&](PlanKind kind, CoverWhen when,
                           std::initializer_list<const char*> names) {
        for (const char* name : names) {
            const std::string path = std::string("/proc/") + name;
            // Init passes over what is not there. For the covers of every shard it need not look.
            const bool is_rare = when == CoverWhen::with_capabilities;
            if (is_rare || host(path, WantContent::no).kind != HostEntry::Kind::absent)
                plan.cover(kind, path, when);
        }
    };
    // pressure: anybody may set triggers on the whole host's.
    cover(PlanKind::mask_directory, CoverWhen::always, {"acpi", "asound", "pressure", "scsi"});
    cover(PlanKind::mask_file, CoverWhen::always,
          {"interrupts", "kallsyms", "kcore", "keys", "latency_stats", "sched_debug",
           "sysrq-trigger", "timer_list"});
    cover(PlanKind::mask_directory, CoverWhen::with_capabilities, {"driver", "tty"});
    cover(PlanKind::mask_file, CoverWhen::with_capabilities,
          {"key-users", "kmsg", "kpagecgroup", "kpagecount", "kpageflags", "modules", "slabinfo",
           "vmallocinfo"});
    cover(PlanKind::read_only, CoverWhen::always, {"fs", "irq", "sys"});
    cover(PlanKind::read_only, CoverWhen::with_capabilities, {"bus"});
}

/// What begins with '/' once and means what it says: '//dev' would escape the comparison with the
/// shard's own places, and the root that is being made.
bool is_plain(const std::string& path) {
    const std::string whole = path + "/";
    const bool has_detour =
        whole.find("//") != std::string::npos || whole.find("/./") != std::string::npos ||
        whole.find("/../") != std::string::npos || whole.find('\0') != std::string::npos;
    return path.size() > 1 && path.front() == '/' && !has_detour;
}

Result<void> plan_read_only_paths(PlanWriter& plan, const std::vector<std::string>& paths,
                                  const HostLookup& host) {
    for (const std::string& path : paths) {
        if (!is_plain(path))
            return refuse(EINVAL,
                          "shard.read_only_paths: '{}' is not an absolute path without '.', '..', "
                          "'//' and final '/'",
                          path);
        // The last three are links into the others: what is made below them would be covered.
        for (const char* own : {"/dev", "/proc", "/sys", "/tmp", "/run", "/blobs", "/var/tmp",
                                "/var/run", "/var/lock"})
            if (path == own || path.starts_with(std::string(own) + "/"))
                return refuse(
                    EINVAL, "shard.read_only_paths: '{}' lies in a place of the shard's own", path);
        const HostEntry entry = host(path, WantContent::no);
        if (entry.kind == HostEntry::Kind::directory) plan.bind_directory(path.substr(1));
        if (entry.kind == HostEntry::Kind::file) plan.bind_file(path.substr(1));
        if (entry.kind == HostEntry::Kind::symlink) plan.symlink(path.substr(1), entry.target);
        if (entry.kind == HostEntry::Kind::absent)
            return refuse(
                ENOENT,
                "shard.read_only_paths: '{}' is not there; remove it from the list or create it",
                path);
    }
    return {};
}

}  // namespace

Result<std::vector<std::byte>> plan_skeleton(const std::vector<std::string>& read_only_paths,
                                             const HostLookup& host) {
    PlanWriter plan;
    plan_mount_points(plan);
    plan_devices(plan);
    SR_DO(plan_read_only_paths(plan, read_only_paths, host));
    plan_top_level(plan, host);
    plan_sys(plan, host);
    plan_etc(plan, host);
    plan_proc_covers(plan, host);
    return std::move(plan).finish();
}

}  // namespace shardrun::shard
