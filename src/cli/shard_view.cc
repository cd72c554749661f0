#include "cli/shard_view.h"

#include <fmt/ranges.h>

#include "cli/table.h"
#include "cli/words.h"

namespace shardrun::cli {
namespace {

using std::chrono::microseconds;

template <class Id>
std::string id_text(Id id) {
    return fmt::format("{}", static_cast<std::uint64_t>(id));
}

template <class T>
std::string number_text(const std::optional<T>& number) {
    return number ? fmt::format("{}", *number) : "";
}

std::string optional_size(const std::optional<std::uint64_t>& bytes) {
    return bytes ? size_text(*bytes) : "";
}

std::string optional_time(const std::optional<std::uint64_t>& us) {
    return us ? time_text(microseconds(*us)) : "";
}

std::string limit_text(const std::optional<std::uint64_t>& bytes) {
    return bytes ? size_text(*bytes) : "unlimited";
}

std::string io_text(const std::vector<IoLimit>& limits) {
    std::vector<std::string> devices;
    for (const IoLimit& limit : limits) {
        std::string text = fmt::format("{}:{}", limit.major, limit.minor);
        if (limit.read_bytes_per_second)
            text += " read " + size_text(*limit.read_bytes_per_second) + "/s";
        if (limit.write_bytes_per_second)
            text += " write " + size_text(*limit.write_bytes_per_second) + "/s";
        if (limit.read_ops_per_second)
            text += fmt::format(" read {}/s", *limit.read_ops_per_second);
        if (limit.write_ops_per_second)
            text += fmt::format(" write {}/s", *limit.write_ops_per_second);
        devices.push_back(std::move(text));
    }
    return devices.empty() ? "unlimited" : fmt::format("{}", fmt::join(devices, ", "));
}

std::string pressure_text(const std::optional<Pressure>& pressure) {
    return pressure ? percent_text(pressure->some_avg10) : "";
}

/// The names of programs in rows "ID PID STATE ARGV0".
std::string program_names(const std::vector<std::string>& rows) {
    std::vector<std::string_view> names;
    for (const std::string& row : rows) {
        std::size_t at = 0;
        for (int i = 0; i < 3 && at != row.npos; ++i) at = row.find(' ', at == 0 ? 0 : at + 1);
        names.push_back(at == row.npos ? std::string_view(row)
                                       : std::string_view(row).substr(at + 1));
    }
    return fmt::format("{}", fmt::join(names, " "));
}

std::vector<std::string> list_row(const ShardAssignment& shard) {
    const ShardLimits limits = shard.options ? shard.options->limits : ShardLimits{};
    return {id_text(shard.shard),
            shard.state ? std::string(name_of(*shard.state)) : "",
            number_text(shard.owner_uid),
            shard.profile.value_or(""),
            optional_time(shard.created_us_ago),
            limits.cpu_max_millicores ? cores_text(*limits.cpu_max_millicores) : "",
            optional_size(limits.memory_max_bytes),
            shard.unenforced ? controller_names(*shard.unenforced) : "",
            program_names(shard.programs)};
}

}  // namespace

std::vector<std::vector<std::string>> limit_rows(const ShardLimits& limits,
                                                 std::uint32_t unenforced) {
    std::vector<std::vector<std::string>> rows;
    const auto add = [&](const char* name, std::string value, std::optional<Controller> needs) {
        const bool lacks = needs && (unenforced & static_cast<std::uint32_t>(*needs)) != 0;
        const bool is_limit = value != "unlimited" && value != "default" && value != "all";
        rows.push_back({name, std::move(value), lacks && is_limit ? "NOT ENFORCED" : ""});
    };
    add("cpu",
        limits.cpu_max_millicores ? cores_text(*limits.cpu_max_millicores) + " cores" : "unlimited",
        Controller::cpu);
    add("cpu weight", limits.cpu_weight ? number_text(limits.cpu_weight) : "default",
        Controller::cpu);
    add("cpuset", limits.cpuset_cpus.value_or("all"), Controller::cpuset);
    add("memory", limit_text(limits.memory_max_bytes), Controller::memory);
    add("memory high", limit_text(limits.memory_high_bytes), Controller::memory);
    add("swap", limit_text(limits.memory_swap_max_bytes), Controller::memory);
    add("pids", limits.pids_max ? number_text(limits.pids_max) : "unlimited", Controller::pids);
    add("io", io_text(limits.io_max), Controller::io);
    add("io weight", limits.io_weight ? number_text(limits.io_weight) : "default", Controller::io);
    add("tmpfs", limit_text(limits.tmpfs_size_max_bytes), std::nullopt);
    add("files", limits.files_max ? number_text(limits.files_max) : "unlimited", std::nullopt);
    return rows;
}

std::string render_list(std::span<const ShardAssignment> shards, bool for_people) {
    Table table(
        {"SHARD", "STATE", "UID", "PROFILE", "AGE", "CPUS", "MEMORY", "NOT ENFORCED", "PROGRAMS"});
    for (const ShardAssignment& shard : shards) table.add(list_row(shard));
    return table.render(for_people);
}

std::string render_shard(const ShardAssignment& shard, bool for_people) {
    Table table({"PROPERTY", "VALUE", "NOTE"});
    const auto add = [&](const char* name, std::string value) {
        table.add({name, std::move(value), ""});
    };
    add("shard", id_text(shard.shard));
    add("state", shard.state ? std::string(name_of(*shard.state)) : "");
    add("owner uid", number_text(shard.owner_uid));
    add("profile", shard.profile.value_or(""));
    add("shard uid", number_text(shard.shard_uid));
    add("init pid", number_text(shard.init_pid));
    add("cgroup", shard.cgroup.value_or(""));
    add("age", optional_time(shard.created_us_ago));
    add("prepared in", shard.warm.value_or(false) ? "warm pool" : optional_time(shard.prepare_us));
    const ShardOptions options = shard.options.value_or(ShardOptions{});
    add("network", options.network ? std::string(name_of(*options.network)) : "");
    add("seccomp", options.seccomp_profile.value_or(""));
    add("host name", options.hostname.value_or(""));
    add("user namespace", options.user_namespace.value_or(false) ? "yes" : "no");
    add("capabilities", options.capabilities.empty()
                            ? "none"
                            : fmt::format("{}", fmt::join(options.capabilities, " ")));
    for (std::vector<std::string>& row : limit_rows(options.limits, shard.unenforced.value_or(0)))
        table.add(std::move(row));
    for (const std::string& program : shard.programs) add("program", program);
    if (shard.reason) add("reason", *shard.reason);
    return table.render(for_people);
}

std::string render_stats(std::span<const ShardStatus> statuses, bool for_people) {
    Table table({"SHARD", "CPU", "THROTTLED", "MEMORY", "PEAK", "SWAP", "OOM", "PIDS", "READ",
                 "WRITTEN", "RECEIVED", "SENT", "TMPFS", "CPU PSI", "MEM PSI", "IO PSI"});
    for (const ShardStatus& status : statuses)
        table.add(
            {id_text(status.shard), optional_time(status.cpu_usage_us),
             optional_time(status.cpu_throttled_us), optional_size(status.memory_current_bytes),
             optional_size(status.memory_peak_bytes), optional_size(status.memory_swap_bytes),
             number_text(status.oom_kills), number_text(status.pids_current),
             optional_size(status.io_read_bytes), optional_size(status.io_write_bytes),
             optional_size(status.network_received_bytes), optional_size(status.network_sent_bytes),
             optional_size(status.tmpfs_used_bytes), pressure_text(status.cpu_pressure),
             pressure_text(status.memory_pressure), pressure_text(status.io_pressure)});
    return table.render(for_people);
}

std::string render_event(const ShardAssignment& event, const std::string& time) {
    std::string line = fmt::format("{} shard {} {}", time, static_cast<std::uint64_t>(event.shard),
                                   name_of(event.kind));
    if (event.program != ProgramId{})
        line += fmt::format(" program {}", static_cast<std::uint64_t>(event.program));
    if (event.exit) line += ": " + exit_text(*event.exit);
    if (event.reason) line += ": " + printable(*event.reason);
    return line + "\n";
}

}  // namespace shardrun::cli
